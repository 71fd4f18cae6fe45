"""AC-3 (RFC 4184) and E-AC-3 (RFC 4598): whole frames, or one in pieces, behind two bytes.

    must be zero 6 ‖ kind 2 (0: whole frames; AC-3 1, 2: a frame begins; 3, and all of E-AC-3's: it goes on)
    ‖ frames, or pieces of the one, 8

A frame says how long it is itself (ETSI TS 102 366 §4.4.1, §E.1.2.2). Which piece is the first the sync word tells, as
the kinds of both are not the same.
"""

from __future__ import annotations

from .common import DAMAGED, LOSS, Bytes, UnitSink

MAX_FRAME = 4096
"""Bytes; the longest of E-AC-3."""
_SYNC = b"\x0b\x77"
_HEADER = 2
_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_RATES = (48_000, 44_100, 32_000)
_BLOCKS = (1, 2, 3, 6)
_BLOCK = 256
"""Samples."""


class DolbyDepacketiser:
    """Of both: a frame tells which it is."""

    def __init__(self, sink: UnitSink, rate: int) -> None:
        """`rate`: of the RTP clock."""
        self._sink = sink
        self._rate = rate
        self._piece = bytearray()
        self._timestamp = -1

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        data = bytes(payload[_HEADER:])
        if data[:2] == _SYNC:
            self._give_up()
            self._timestamp = timestamp
        elif not self._piece or timestamp != self._timestamp:
            self._give_up()
            self._sink.missing(DAMAGED)
            return
        self._piece += data
        self._split()

    def lost(self, count: int) -> None:
        self._piece.clear()
        for _ in range(min(count, 1000)):
            self._sink.missing(LOSS)

    def _give_up(self) -> None:
        """What has begun does not go on."""
        if self._piece:
            self._sink.missing(DAMAGED)
            self._piece.clear()

    def _split(self) -> None:
        """Hand on what is whole."""
        data, at, samples = bytes(self._piece), 0, 0
        while at < len(data):
            size, lasts = frame(data[at : at + 6])
            if not size:
                self._sink.missing(DAMAGED)
                at = len(data)
                break
            if at + size > len(data):
                break
            self._sink.unit(data[at : at + size], self._timestamp + samples & 0xFFFFFFFF)
            at += size
            samples += lasts
        del self._piece[:at]
        self._timestamp = self._timestamp + samples & 0xFFFFFFFF if self._piece and at else self._timestamp


def frame(head: bytes) -> tuple[int, int]:
    """Bytes and samples of the frame whose first six bytes these are; 0 bytes = it is none."""
    if len(head) < 6 or head[:2] != _SYNC:
        return 0, 0
    rate, stream_id = head[4] >> 6, head[5] >> 3
    if stream_id > 10:
        # E-AC-3. With rate 3 it is half of one of the others, and a frame has six blocks.
        blocks = 6 if rate == 3 else _BLOCKS[head[4] >> 4 & 3]
        return ((head[2] & 7) << 8 | head[3]) * 2 + 2, blocks * _BLOCK
    code = head[4] & 0x3F
    if rate == 3 or code >> 1 >= len(_KBIT):
        return 0, 0
    words = _KBIT[code >> 1] * 1000 * 6 * _BLOCK // _RATES[rate] // 16
    # At 44.1 kHz every second one is a word longer.
    return 2 * (words + (code & 1 if rate == 1 else 0)), 6 * _BLOCK
