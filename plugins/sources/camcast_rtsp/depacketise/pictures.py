"""What payload formats share whose pictures are collected up to the marker: a base, and MPEG-4, H.263, VP8, MPEG audio.

A picture that lacks a packet is left out: nothing in these formats tells a later piece from a first one but their own
headers, which are looked at where a gap came before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from .common import DAMAGED, LOSS, MAX_UNIT, TOO_LARGE, Bytes, Damage, UnitSink


class PictureAssembler(ABC):
    """Collects a picture's pieces, and hands them on at the marker or the next timestamp."""

    def __init__(self, sink: UnitSink) -> None:
        self._sink = sink
        self._unit = bytearray()
        self._timestamp = -1
        self._broken = ""
        self._suspect = False

    @abstractmethod
    def _take(self, payload: Bytes) -> None:
        """Add one payload's piece to `_unit`; raises `Damage`."""

    @abstractmethod
    def _begins(self, payload: Bytes) -> bool:
        """Whether this payload is the first of a picture, as far as it tells itself."""

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if timestamp != self._timestamp:
            self._flush()
            self._timestamp = timestamp
        try:
            if self._suspect:
                self._suspect = False
                if self._unit or not self._begins(payload):
                    self._broken = self._broken or LOSS
            self._take(payload)
        except (Damage, IndexError):
            self._broken = self._broken or DAMAGED
        if len(self._unit) > MAX_UNIT:
            self._broken = TOO_LARGE
        if self._broken:
            self._unit.clear()
        if marker:
            self._flush()

    def lost(self, count: int) -> None:
        if self._unit:
            self._broken = LOSS
        self._suspect = True

    def _flush(self) -> None:
        if self._broken:
            self._sink.missing(self._broken)
        elif self._unit:
            self._sink.unit(self._finished(), self._timestamp)
        self._unit = bytearray()
        self._broken = ""

    def _finished(self) -> bytes:
        """The whole picture."""
        return bytes(self._unit)


class Mpeg4Depacketiser(PictureAssembler):
    """MPEG-4 part 2 (RFC 6416 §5): the stream, cut anywhere."""

    def _take(self, payload: Bytes) -> None:
        self._unit += payload

    def _begins(self, payload: Bytes) -> bool:
        # A video object plane, or what stands in front of one; 01 to AF are layers, B0 to B5 their headers.
        return bytes(payload[:3]) == b"\0\0\1"


class MpegVideoDepacketiser(PictureAssembler):
    """MPEG-1 and MPEG-2 (RFC 2250 §3.4): four bytes, four more where MPEG-2 says so, then whole slices."""

    def _take(self, payload: Bytes) -> None:
        at = 8 if payload[0] & 4 else 4
        if at >= len(payload):
            raise Damage
        self._unit += payload[at:]

    def _begins(self, payload: Bytes) -> bool:
        # A start code that is none of a slice (01 to AF).
        at = 8 if payload[0] & 4 else 4
        return bytes(payload[at : at + 3]) == b"\0\0\1" and not 1 <= payload[at + 3] <= 0xAF


class H263Depacketiser(PictureAssembler):
    """H.263 (RFC 4629 §5.1): two bytes, of which one bit stands for the two zeros of a start code."""

    def _take(self, payload: Bytes) -> None:
        head = payload[0] << 8 | payload[1]
        extra = head >> 3 & 0x3F
        at = 2 + (1 if head & 0x200 else 0) + extra
        if at > len(payload):
            raise Damage
        if head & 0x400:
            self._unit += b"\0\0"
        self._unit += payload[at:]

    def _begins(self, payload: Bytes) -> bool:
        # A picture's start code (0000 0000 0000 0000 1000 00), not that of a group of blocks.
        return bool(payload[0] & 4) and payload[2 + (1 if payload[0] & 2 else 0)] & 0xFC == 0x80


class OldH263Depacketiser(PictureAssembler):
    """H.263 by its first payload format (RFC 2190), where a byte may be shared between two packets."""

    def __init__(self, sink: UnitSink) -> None:
        super().__init__(sink)
        self._bits = 0
        """Valid bits in the last byte of what has come, 0 = all."""

    def _take(self, payload: Bytes) -> None:
        first = payload[0]
        header = 4 if not first & 0x80 else 12 if first & 0x40 else 8
        begin, end = first >> 3 & 7, first & 7
        data = bytes(payload[header:])
        if not data:
            raise Damage
        if begin and self._unit:
            # The first byte here and the last one there are two parts of one.
            mask = 0xFF >> begin
            self._unit[-1] = self._unit[-1] & ~mask & 0xFF | data[0] & mask
            data = data[1:]
        self._unit += data
        self._bits = end

    def _begins(self, payload: Bytes) -> bool:
        header = 4 if not payload[0] & 0x80 else 12 if payload[0] & 0x40 else 8
        return bytes(payload[header : header + 2]) == b"\0\0" and payload[header + 2] & 0xFC == 0x80


class Vp8Depacketiser(PictureAssembler):
    """VP8 (RFC 7741 §4.2): a descriptor of one to six bytes, then a piece of a frame."""

    def _take(self, payload: Bytes) -> None:
        at = _vp8_header(payload)
        if at >= len(payload):
            raise Damage
        self._unit += payload[at:]

    def _begins(self, payload: Bytes) -> bool:
        # Start of partition 0.
        return payload[0] & 0x1F == 0x10


def _vp8_header(payload: Bytes) -> int:
    if not payload[0] & 0x80:
        return 1
    extension = payload[1]
    at = 2
    if extension & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    if extension & 0x40:
        at += 1
    return at + (1 if extension & 0x30 else 0)


class MpegAudioDepacketiser:
    """MPEG audio (RFC 2250 §3.5): four bytes, then whole frames, or a piece of one."""

    def __init__(self, sink: UnitSink) -> None:
        self._sink = sink
        self._piece = bytearray()
        self._timestamp = -1

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        if len(payload) <= 4:
            self._sink.missing(DAMAGED)
            return
        offset = payload[2] << 8 | payload[3]
        data = bytes(payload[4:])
        if offset:
            if offset != len(self._piece):
                self._piece.clear()
                self._sink.missing(LOSS)
                return
            self._piece += data
        else:
            self._piece = bytearray(data)
            self._timestamp = timestamp
        self._hand_on()

    def lost(self, count: int) -> None:
        self._piece.clear()
        self._sink.missing(LOSS)

    def _hand_on(self) -> None:
        """The frames that are whole; their times go on by their samples."""
        while len(self._piece) >= 4:
            size, duration = _mpeg_frame(bytes(self._piece[:4]))
            if not size:
                self._piece.clear()
                self._sink.missing(DAMAGED)
                return
            if size > len(self._piece):
                return
            self._sink.unit(bytes(self._piece[:size]), self._timestamp)
            self._timestamp = self._timestamp + duration & 0xFFFFFFFF
            del self._piece[:size]


_BITRATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by version (1, or 2 for 2 and 2.5) and layer (ISO 11172-3 §2.4.2.3, ISO 13818-3 §2.4.2.3)."""
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def _mpeg_frame(data: Bytes) -> tuple[int, int]:
    """Bytes of the frame that `data` begins with, and its duration at 90 kHz; (0, 0) where there is none."""
    version, layer = data[1] >> 3 & 3, 4 - (data[1] >> 1 & 3)
    bitrate, rate = data[2] >> 4, data[2] >> 2 & 3
    if data[0] != 0xFF or data[1] & 0xE0 != 0xE0 or version == 1 or layer == 4 or rate == 3 or not 0 < bitrate < 15:
        return 0, 0
    bits = _BITRATES[1 if version == 3 else 2, layer][bitrate] * 1000
    frequency = _RATES[version][rate]
    padding = data[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // frequency + padding) * 4, 384 * 90_000 // frequency
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * bits // frequency + padding, samples * 90_000 // frequency
