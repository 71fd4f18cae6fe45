"""AMR and AMR-WB (RFC 4867): frames of speech behind a table of their kinds, handed on as a file holds them (§5.3).

    requested mode 4 ‖ [4] ‖ (another follows 1 ‖ kind 4 ‖ quality 1 ‖ [2])* ‖ frames

What stands in brackets is only there where fields begin at octets (octet-align=1, §4.4); else nothing is aligned
(§4.3). Checksums, sorted bits and interleaving are for radio: no camera was seen with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

from .common import DAMAGED, LOSS, Bytes, UnitSink

MAX_FRAMES = 64
"""In one packet; ten are 0.2 s."""
_NARROW = (95, 103, 118, 134, 148, 159, 204, 244, 39)
_WIDE = (132, 177, 253, 285, 317, 365, 397, 461, 477, 40)
"""Bits of a frame by kind; the last is noise for comfort (3GPP TS 26.101 and 26.201). Others hold nothing."""
_A_SECOND = 50
_RADIO = ("crc", "robust-sorting", "interleaving")


class AmrDepacketiser:
    def __init__(self, sink: UnitSink, parameters: Mapping[str, str], rate: int, *, wide: bool) -> None:
        """`rate`: of the RTP clock. Raises `MediaError` for forms that it cannot read."""
        self._sink = sink
        self._aligned = parameters.get("octet-align") == "1"
        self._step = rate // _A_SECOND
        self._sizes = _WIDE if wide else _NARROW
        for name in _RADIO:
            if parameters.get(name, "0") != "0":
                raise MediaError(f"AMR in RTP with {name} is not supported")

    def feed(self, payload: Bytes, timestamp: int, marker: bool) -> None:
        try:
            frames = self._split(bytes(payload))
        except MediaError:
            self._sink.missing(DAMAGED)
            return
        for number, frame in enumerate(frames):
            # One byte alone is a frame that was not sent.
            if len(frame) > 1:
                self._sink.unit(frame, timestamp + number * self._step & 0xFFFFFFFF)

    def lost(self, count: int) -> None:
        for _ in range(min(count, 1000)):
            self._sink.missing(LOSS)

    def _split(self, data: bytes) -> list[bytes]:
        bits = BitReader(data)
        bits.skip(8 if self._aligned else 4)
        heads: list[int] = []
        more = 1
        while more:
            if len(heads) == MAX_FRAMES:
                raise MediaError(f"more than {MAX_FRAMES} frames in a packet")
            more = bits.u(1)
            # Kind and quality, as they stand in front of a frame in a file.
            heads.append(bits.u(5) << 2)
            bits.skip(2 if self._aligned else 0)
        return [bytes((head,)) + self._frame(bits, head >> 3) for head in heads]

    def _frame(self, bits: BitReader, kind: int) -> bytes:
        size = self._sizes[kind] if kind < len(self._sizes) else 0
        rest = -size % 8
        frame = (bits.u(size) << rest).to_bytes((size + rest) // 8, "big")
        bits.skip(rest if self._aligned else 0)
        return frame
