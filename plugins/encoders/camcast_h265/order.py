"""In which order H.265 pictures are shown (ITU-T H.265 §7.3.6.1, §8.3.1): their picture order count."""

from __future__ import annotations

from camcast.bitstream.bits import BitReader, unescape
from camcast.bitstream.nal import split_prefixed
from camcast.errors import MediaError
from camcast.media import Packet, Track
from camcast_h265.record import read_record
from camcast_h265.sps import HEADER, parse_sps

_HEADER_BYTES = 48
"""Enough of a slice for the numbers at its start."""
_SEQUENCE = 1 << 33
"""Between the places of pictures of two sequences; counts have 32 bits."""
_SPS, _PPS = 33, 34
_BLA, _IDR, _LAST_IRAP = (16, 17, 18), (19, 20), 23
_LEADING = range(6, 10)
"""RADL and RASL pictures."""


class H265Order:
    """Implements `codec_kind.PictureOrder` for one track. Raises `MediaError` for a record that cannot be read."""

    def __init__(self, track: Track) -> None:
        _, units = read_record(track.config)
        self._sps = parse_sps(next(unit for unit in units if unit[0] >> 1 & 0x3F == _SPS))
        if not self._sps.order_bits:
            raise MediaError("H.265 whose parameter sets do not tell the order of its pictures")
        self._pps = {}
        for unit in units:
            if unit[0] >> 1 & 0x3F == _PPS:
                bits = BitReader(unescape(unit[:_HEADER_BYTES]), HEADER * 8)
                number = bits.ue(63)
                bits.ue(15)
                bits.skip(1)
                self._pps[number] = (bits.flag(), bits.u(3))
        self._sequence = 0
        self._begun = False
        self._high = 0
        """Most significant part of the count that later ones refer to, and its least significant one."""
        self._low = 0

    def place(self, packet: Packet) -> int:
        """See `PictureOrder`."""
        for unit in split_prefixed(packet.payload):
            if unit[0] >> 1 & 0x3F < 32 and not unit[0] & 1 and not unit[1] & 0xF8:
                return self._place(unit)
        raise MediaError("an access unit without a slice has no place in the order of pictures")

    def _place(self, unit: bytes) -> int:
        kind = unit[0] >> 1 & 0x3F
        anew = kind in (*_BLA, *_IDR) or not self._begun
        low, size = self._read(unit, kind), 1 << self._sps.order_bits
        if anew:
            self._sequence += _SEQUENCE
            self._begun = True
            high = 0
        else:
            high = self._high
            if low < self._low and self._low - low >= size // 2:
                high += size
            elif low > self._low and low - self._low > size // 2:
                high -= size
        if unit[1] & 7 == 1 and kind not in _LEADING and (kind >= 16 or kind & 1):
            self._high, self._low = high, low
        return self._sequence + high + low

    def _read(self, unit: bytes, kind: int) -> int:
        """slice_pic_order_cnt_lsb."""
        if kind in _IDR:
            return 0
        bits = BitReader(unescape(unit[:_HEADER_BYTES]), HEADER * 8)
        if not bits.flag():
            raise MediaError("a picture that does not begin with its first slice has no place in the order")
        if 16 <= kind <= _LAST_IRAP:
            bits.skip(1)
        output_flag, extra = self._pps.get(bits.ue(63), (False, 0))
        bits.skip(extra)
        bits.ue()
        if output_flag:
            bits.skip(1)
        if self._sps.separate_planes:
            bits.skip(2)
        return bits.u(self._sps.order_bits)
