"""In which order H.264 pictures are shown (ITU-T H.264 §7.3.3, §8.2.1): their picture order count.

Counts begin anew at each IDR picture. Of a picture in two fields, the first one's counts.
"""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader, unescape
from camcast.bitstream.nal import split_prefixed
from camcast.errors import MediaError
from camcast.media import Packet, Track
from camcast_h264.record import read_record
from camcast_h264.sps import OrderCycle, Sps, parse_sps

_HEADER_BYTES = 48
"""Enough of a slice for the numbers at its start."""
_SEQUENCE = 1 << 33
"""Between the places of pictures of two sequences; counts have 32 bits."""


class H264Order:
    """Implements `codec_kind.PictureOrder` for one track."""

    def __init__(self, track: Track) -> None:
        _, units = read_record(track.config)
        self._sps = parse_sps(next(unit for unit in units if unit[0] & 0x1F == 7))
        self._count = _counts_of(self._sps)
        self._sequence = 0

    def place(self, packet: Packet) -> int:
        """See `PictureOrder`."""
        for unit in split_prefixed(packet.payload):
            if 1 <= unit[0] & 0x1F <= 5:
                head = _read(unit, self._sps)
                if head.idr:
                    self._sequence += _SEQUENCE
                return self._sequence + self._count(head)
        raise MediaError("an access unit without a slice has no place in the order of pictures")


@attrs.frozen
class _Head:
    """What a slice says of its picture's order."""

    idr: bool
    reference: bool
    frame_number: int
    bottom: bool
    """A bottom field by itself."""
    low: int
    """pic_order_cnt_lsb, for type 0."""
    delta: int
    """delta_pic_order_cnt[0], for type 1."""


def _read(unit: bytes, sps: Sps) -> _Head:
    idr = unit[0] & 0x1F == 5
    bits = BitReader(unescape(unit[:_HEADER_BYTES]), 8)
    bits.ue()
    bits.ue()
    bits.ue()
    if sps.separate_planes:
        bits.skip(2)
    frame_number = bits.u(sps.frame_number_bits)
    bottom = not sps.frames_only and bits.flag() and bits.flag()
    if idr:
        bits.ue()
    low = bits.u(sps.order_bits) if sps.order_type == 0 else 0
    delta = bits.se() if sps.order_cycle is not None and not sps.order_cycle.always_zero else 0
    return _Head(idr, bool(unit[0] & 0x60), frame_number, bottom, low, delta)


class _FromLow:
    """Type 0 (§8.2.1.1): the lower bits are told, the upper ones are those nearest to the last reference's."""

    def __init__(self, sps: Sps) -> None:
        self._size = 1 << sps.order_bits
        self._high = self._low = 0
        """Of the last reference picture's count."""

    def __call__(self, head: _Head) -> int:
        if head.idr:
            self._high = self._low = 0
        low, high, size = head.low, self._high, self._size
        if low < self._low and self._low - low >= size // 2:
            high += size
        elif low > self._low and low - self._low > size // 2:
            high -= size
        if head.reference:
            self._high, self._low = high, low
        return high + low


class _FromCycle:
    """Type 1 (§8.2.1.2): as the parameter sets expect it of a picture with this number, and what differs."""

    def __init__(self, sps: Sps, cycle: OrderCycle) -> None:
        self._cycle = cycle
        self._numbers = 1 << sps.frame_number_bits
        self._passed = self._last = 0
        """Numbers of whole rounds, and the last picture's number in this one."""

    def __call__(self, head: _Head) -> int:
        cycle, offsets = self._cycle, self._cycle.offsets
        if head.idr:
            self._passed = 0
        elif head.frame_number < self._last:
            self._passed += self._numbers
        self._last = head.frame_number
        number = self._passed + head.frame_number if offsets else 0
        if not head.reference and number:
            number -= 1
        rounds, rest = divmod(number, len(offsets)) if offsets else (0, 0)
        expected = rounds * sum(offsets) + sum(offsets[:rest])
        if not head.reference:
            expected += cycle.non_reference
        return expected + head.delta + (cycle.second_field if head.bottom else 0)


class _AsDecoded:
    """Type 2 (§8.2.1.3)."""

    def __init__(self) -> None:
        self._pictures = 0

    def __call__(self, head: _Head) -> int:
        self._pictures += 1
        return self._pictures


def _counts_of(sps: Sps) -> _FromLow | _FromCycle | _AsDecoded:
    if sps.order_cycle is not None:
        return _FromCycle(sps, sps.order_cycle)
    return _FromLow(sps) if sps.order_type == 0 else _AsDecoded()
