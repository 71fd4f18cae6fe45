"""What all depacketisers share: where units go, what damage is, and the assembly of pictures from NAL units."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Protocol

from ..native import AssemblerState

MAX_UNIT = 8 * 1024 * 1024
"""Bytes of one access unit; 4K keyframes at high quality have one or two million."""
NEARLY_FULL = MAX_UNIT - 128 * 1024
"""Below this, one more packet fits for certain."""
LOSS = "rtp loss"
DAMAGED = "damaged"
TOO_LARGE = "too large"

START_CODES = "its units hold start codes"
EMPTY_FRAGMENTS = "it sends fragments without data"

Bytes = memoryview | bytes
_MARK = b"\0\0\1"
_mark_in = re.compile(_MARK).search
"""Three times as fast as `in`."""
_LONG_MARK = b"\0\0\0\1"


class Damage(Exception):
    """A payload that cannot be what its header says."""


class UnitSink(Protocol):
    """Where whole units go."""

    def unit(self, data: bytes, timestamp: int) -> None:
        """One access unit with its RTP timestamp (32 bits)."""

    def missing(self, reason: str) -> None:
        """One unit had to be left out."""

    def odd(self, text: str) -> None:
        """How a payload differs from what it should be, though nothing of it is missing. One of few texts."""

    def runs_at(self, rate: int) -> None:
        """From here on timestamps count so many units a second, whatever the description says."""


class Depacketiser(Protocol):
    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None: ...

    def lost(self, count: int) -> None:
        """So many packets are missing before the next one."""


class NalAssembler(AssemblerState, ABC):
    """Collects a picture's NAL units, one copy each, and hands them on at the marker or the next timestamp.

    After a gap, a picture counts as whole only if it is seen to begin after it. A camera that sets the marker on
    every slice is found out by a slice that continues the picture before; from then on timestamps alone divide.

    Only data that is missing damages a picture. Start codes inside a unit (cameras exist that put a whole Annex B
    sequence into one) divide it, as no unit may hold one (ISO 14496-10 §7.4.1.1); what is empty is passed over.
    """

    _header_size = 1
    fragment_mark: tuple[int, int, int]
    """Mask and value of a fragment's first byte, and the size of its headers; the last of them has S and E on top."""

    def __init__(self, sink: UnitSink) -> None:
        self._sink = sink
        self.collected = bytearray()
        self.timestamp = -1
        self._broken = ""
        """Why the unit being collected is not whole."""
        self._suspect = False
        """Packets were lost before the unit being collected began."""
        self._between = False
        """The gap hit no picture that is counted already."""
        self.started = -1
        """Where the size field of the open fragment lies."""
        self._trust_marker = True
        self._last_sent = -1
        self._pictured = False
        self._unopened = b""
        """Header of a fragmented unit whose first fragment had no data."""
        self.ended = False
        """The last packet had the marker. Where it had not, what is handed on is known to be whole by the next one."""

    @property
    def first_slices(self) -> bytes:
        """For each first byte of a unit, whether it is a slice that begins a picture where the top bit behind its
        header is set; b"" = its fragments hold more than its data."""
        return bytes(self._is_slice(byte) and self._begins(byte, 0x80) is True for byte in range(256))

    @abstractmethod
    def _take(self, payload: Bytes) -> None:
        """Add one payload's units by `_whole` and `_open`, `_more`, `_close`; raises `Damage`."""

    @abstractmethod
    def _begins(self, header: int, first: int) -> bool | None:
        """Whether a unit with this header and first byte behind it begins a picture (a first slice) or precedes one
        (parameter sets, delimiter, SEI). None = it tells nothing."""

    @abstractmethod
    def _is_slice(self, header: int) -> bool: ...

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if timestamp != self.timestamp:
            if self.started >= 0 and self._goes_on(payload):
                # Cameras exist that give each packet the time when it was made.
                self._sink.odd("its packets of one picture have different times")
            else:
                if self.collected or self._broken:
                    self._flush()
                self.timestamp = timestamp
        try:
            self._take(payload)
        except Damage:
            self._broken = self._broken or DAMAGED
            self.started = -1
            self._unopened = b""
        # A marker within a fragmented unit: it is too early, or the unit's end is not marked. The next packet tells.
        self.ended = marker and self._trust_marker
        if self.ended and self.started < 0:
            self._flush()

    def _goes_on(self, payload: Bytes) -> bool:
        """Whether it is a fragment that begins nothing."""
        mask, kind, size = self.fragment_mark
        return len(payload) >= size and payload[0] & mask == kind and payload[size - 1] < 0x80

    def finish(self) -> None:
        """Nothing more comes: hand on the unit whose last packet had the marker."""
        if self.ended and self.collected:
            self._flush()

    def lost(self, count: int) -> None:
        self._between = not self.collected and not self._broken
        if self.collected:
            self._broken = LOSS
            self.started = -1
        self._unopened = b""
        self._suspect = True

    def _flush(self) -> None:
        self._close()
        if self._broken:
            self._sink.missing(self._broken)
        elif self.collected:
            self._last_sent = self.timestamp
            unit = bytes(self.collected)
            # A size field may look like a start code too.
            if _mark_in(unit):
                divided_unit = divided(unit, self._header_size)
                if divided_unit != unit:
                    self._sink.odd(START_CODES)
                unit = divided_unit
            if unit:
                self._sink.unit(unit, self.timestamp)
        self.collected = bytearray()
        self._broken = ""
        self.started = -1
        self._pictured = False

    def _examine(self, header: int, first: int) -> None:
        """Look at a unit's beginning: does it fit what has come so far?"""
        if self._suspect:
            self._suspect = False
            if not self._broken:
                if not self._begins(header, first):
                    self._broken = LOSS
                elif self._between:
                    # Whole pictures are missing, at least one.
                    self._sink.missing(LOSS)
        if not self._pictured and self._is_slice(header):
            self._pictured = True
            continues = not self._broken and not self._begins(header, first)
            if continues and self._trust_marker and self.timestamp == self._last_sent:
                self._trust_marker = False
                self._sink.odd("it marks the end of a picture before it has ended")
                self._broken = DAMAGED

    def _whole(self, nal: Bytes) -> None:
        if nal[:3] == _MARK or nal[:4] == _LONG_MARK:
            nal = nal[3 if nal[2] else 4 :]
            self._sink.odd(START_CODES)
        size = len(nal)
        if size <= self._header_size:
            # Nothing behind its header: an end of sequence, or padding.
            if not any(nal):
                self._sink.odd("it pads its packets with empty units")
            return
        self._close()
        if self._suspect or not self._pictured:
            self._examine(nal[0], nal[self._header_size])
        if self._room(size):
            self.collected += size.to_bytes(4, "big")
            self.collected += nal

    def _open(self, header: bytes, data: Bytes) -> None:
        if not data:
            self._unopened = header
            self._sink.odd(EMPTY_FRAGMENTS)
            return
        self._close()
        if self._suspect or not self._pictured:
            self._examine(header[0], data[0])
        if self._room(len(data)):
            self.started = len(self.collected)
            self.collected += b"\0\0\0\0"
            self.collected += header
            self.collected += data

    def _more(self, data: Bytes) -> None:
        if not data:
            self._sink.odd(EMPTY_FRAGMENTS)
            return
        if self._unopened:
            header, self._unopened = self._unopened, b""
            self._open(header, data)
        elif self.started >= 0:
            if self._room(len(data)):
                self.collected += data
        else:
            # The rest of a unit whose beginning never came.
            self._broken = self._broken or (LOSS if self._suspect else DAMAGED)
            self._suspect = False
            self.collected.clear()

    def _close(self) -> None:
        """The open fragment is whole: nothing was lost, whether its last packet says so or not."""
        self._unopened = b""
        start = self.started
        if start >= 0:
            self.collected[start : start + 4] = (len(self.collected) - start - 4).to_bytes(4, "big")
            self.started = -1

    def _room(self, size: int) -> bool:
        """Whether there is room for `size` more bytes. Nothing is kept of a unit that is not whole."""
        if self._broken:
            self.collected.clear()
            self.started = -1
            return False
        if len(self.collected) + size + 8 > MAX_UNIT:
            self._broken = TOO_LARGE
            self.collected.clear()
            self.started = -1
            return False
        return True


def divided(unit: bytes, header_size: int) -> bytes:
    """An access unit with 4-byte sizes whose NAL units may hold start codes, each of its units by itself."""
    found: list[bytes] = []
    at, end = 0, len(unit)
    while at < end:
        start = at + 4
        at = start + int.from_bytes(unit[at:start], "big")
        if not _mark_in(unit, start, at):
            found.append(unit[start:at])
            continue
        # The zeros before a start code belong to it, or are padding.
        found += [piece for part in unit[start:at].split(_MARK) if len(piece := part.rstrip(b"\0")) > header_size]
    return b"".join([part for nal in found for part in (len(nal).to_bytes(4, "big"), nal)])
