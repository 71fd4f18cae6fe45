"""Frames of sound out of what a PES packet carries, and how long each lasts. Pure, bounded.

ADTS: ISO 14496-3 §1.A.2.2. Opus: "Opus in MPEG-TS" (opus-codec.org), and RFC 6716 §3.1 for how long a packet is.
"""

from __future__ import annotations

import re
from typing import Protocol

from camcast.media import NS_PER_S

MAX_FRAMES = 256
"""In one PES packet; 64 kB of them hold 5 s of the shortest that make sense. What is no frame counts like one: each
place at which one might begin costs time."""
_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
_SAMPLES = 1024
_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
_HEADER = 7
_OPUS_RATE = 48_000

Frame = tuple[bytes, int]
"""Its bytes, and when it begins, in ns from the packet's time."""


class Splitter(Protocol):
    """Of one track."""

    damaged: int
    """Times that something was no frame."""
    lasts: int
    """ns from a packet's time to the end of the frames that were split off last."""

    def split(self, data: bytes) -> list[Frame]: ...

    def lost(self) -> None:
        """Something is missing: what was begun never ends."""


class AdtsSplitter:
    """AAC. A frame may begin in one packet and end in the next, whose time is that of the first that begins there."""

    def __init__(self) -> None:
        self.damaged = 0
        self.lasts = 0
        self._rest = b""

    def lost(self) -> None:
        self._rest = b""

    def split(self, data: bytes) -> list[Frame]:
        carried = bool(self._rest)
        data, self._rest = self._rest + data, b""
        frames: list[Frame] = []
        at = when = tried = 0
        while at < len(data):
            if tried == MAX_FRAMES:
                self.damaged += 1
                break
            tried += 1
            if len(data) - at < _HEADER:
                self._rest = data[at:]
                break
            size, lasts = adts_frame(data, at)
            if not size:
                self.damaged += 1
                found = _ADTS.search(data, at + 1)
                at = found.start() if found else len(data)
                continue
            if at + size > len(data):
                self._rest = data[at:]
                break
            if carried and not at:
                when = -lasts
            frames.append((data[at : at + size], when))
            when += lasts
            at += size
        self.lasts = when
        return frames


def adts_frame(data: bytes, at: int) -> tuple[int, int]:
    """Bytes and ns of the frame there; 0 bytes = there is none."""
    if data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return 0, 0
    size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    index = data[at + 2] >> 2 & 0x0F
    if size <= _HEADER or index >= len(_RATES):
        return 0, 0
    return size, _SAMPLES * ((data[at + 6] & 3) + 1) * NS_PER_S // _RATES[index]


class OpusSplitter:
    """Each packet stands behind a control header, which says how long it is."""

    def __init__(self) -> None:
        self.damaged = 0
        self.lasts = 0

    def lost(self) -> None:
        """Nothing is kept from one to the next."""

    def split(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        at = when = 0
        while at < len(data):
            begin, end = _opus(data, at)
            if end <= begin or len(frames) == MAX_FRAMES:
                self.damaged += 1
                break
            packet = data[begin:end]
            frames.append((packet, when))
            when += opus_samples(packet) * NS_PER_S // _OPUS_RATE
            at = end
        self.lasts = when
        return frames


def _opus(data: bytes, at: int) -> tuple[int, int]:
    """Where the packet behind the control header at `at` begins and ends; twice 0 = there is none."""
    end = len(data)
    if end - at < 3 or data[at] != 0x7F or data[at + 1] & 0xE0 != 0xE0:
        return 0, 0
    flags = data[at + 1]
    at += 2
    size = 0
    # No longer than there is data for, or bytes of 0xFF would be counted one by one.
    while at < end and size <= end:
        size += data[at]
        at += 1
        if data[at - 1] != 0xFF:
            break
    # What is to be cut off at the begin and at the end, which decoders do by themselves.
    at += 2 * bool(flags & 0x10) + 2 * bool(flags & 0x08)
    if flags & 0x04:
        at += 1 + data[at] if at < end else 1
    return (at, at + size) if at + size <= end else (0, 0)


def opus_samples(packet: bytes) -> int:
    """At 48 kHz."""
    form, count = packet[0] >> 3, packet[0] & 3
    if form < 12:
        samples = (480, 960, 1920, 2880)[form & 3]
    elif form < 16:
        samples = (480, 960)[form & 1]
    else:
        samples = (120, 240, 480, 960)[form & 3]
    if count == 3:
        return samples * (packet[1] & 0x3F) if len(packet) > 1 else 0
    return samples * (2 if count else 1)
