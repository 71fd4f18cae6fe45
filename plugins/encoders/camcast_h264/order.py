"""In which order H.264 pictures are shown (ITU-T H.264 §7.3.3, §8.2.1): their picture order count.

Types 0 and 2 are read; 1, which hardly any encoder uses, is refused. Counts begin anew at each IDR picture.
"""

from __future__ import annotations

from camcast.bitstream.bits import BitReader, unescape
from camcast.bitstream.nal import split_prefixed
from camcast.errors import MediaError
from camcast.media import Packet, Track
from camcast_h264.record import read_record
from camcast_h264.sps import parse_sps

_HEADER_BYTES = 48
"""Enough of a slice for the numbers at its start."""
_SEQUENCE = 1 << 33
"""Between the places of pictures of two sequences; counts have 32 bits."""


class H264Order:
    """Implements `codec_kind.PictureOrder` for one track. Raises `MediaError` for order count type 1."""

    def __init__(self, track: Track) -> None:
        _, units = read_record(track.config)
        self._sps = parse_sps(next(unit for unit in units if unit[0] & 0x1F == 7))
        if self._sps.order_type == 1:
            raise MediaError("H.264 with picture order count type 1: the order of its pictures cannot be told")
        self._sequence = 0
        self._high = 0
        """Most significant part of the last reference picture's count, and its least significant one."""
        self._low = 0
        self._pictures = 0

    def place(self, packet: Packet) -> int:
        """See `PictureOrder`."""
        for unit in split_prefixed(packet.payload):
            if 1 <= unit[0] & 0x1F <= 5:
                return self._place(unit)
        raise MediaError("an access unit without a slice has no place in the order of pictures")

    def _place(self, unit: bytes) -> int:
        idr = unit[0] & 0x1F == 5
        if idr:
            self._sequence += _SEQUENCE
            self._high = self._low = self._pictures = 0
        self._pictures += 1
        if self._sps.order_type == 2:
            return self._sequence + self._pictures
        low, size = self._read(unit, idr), 1 << self._sps.order_bits
        high = self._high
        if low < self._low and self._low - low >= size // 2:
            high += size
        elif low > self._low and low - self._low > size // 2:
            high -= size
        if unit[0] & 0x60:
            self._high, self._low = high, low
        return self._sequence + high + low

    def _read(self, unit: bytes, idr: bool) -> int:
        """pic_order_cnt_lsb."""
        bits = BitReader(unescape(unit[:_HEADER_BYTES]), 8)
        sps = self._sps
        bits.ue()
        bits.ue()
        bits.ue()
        if sps.separate_planes:
            bits.skip(2)
        bits.skip(sps.frame_number_bits)
        if not sps.frames_only and bits.flag():
            bits.skip(1)
        if idr:
            bits.ue()
        return bits.u(sps.order_bits)
