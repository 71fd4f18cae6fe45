"""H.265 (RFC 7798): single NAL units, aggregation packets (AP) and fragmentation units (FU).

With sprop-max-don-diff above 0 each unit has a decoding order number in front; it is passed over, since units
still come in decoding order from a single RTP stream of any known camera. What a PACI packet says of its content is
passed over. Types that mean nothing hold nothing that is missed.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..numbers import whole
from .common import Bytes, Damage, NalAssembler, UnitSink
from .h264 import annexb

AP, FU, PACI = 48, 49, 50


class H265Depacketiser(NalAssembler):
    _header_size = 2
    fragment_mark = (0x7E, FU << 1, 3)

    def __init__(self, sink: UnitSink, numbered: bool = False) -> None:
        super().__init__(sink)
        self._skip = 2 if numbered else 0

    @property
    def first_slices(self) -> bytes:
        return b"" if self._skip else super().first_slices

    def _take(self, payload: Bytes) -> None:
        if len(payload) < 3:
            return
        kind = payload[0] >> 1 & 0x3F
        if kind == FU:
            third = payload[2]
            data = payload[3 + (self._skip if third & 0x80 else 0) :]
            if third & 0x80:
                self._open(bytes((payload[0] & 0x81 | (third & 0x3F) << 1, payload[1])), data)
            else:
                self._more(data)
            if third & 0x40:
                self._close()
        elif kind == AP:
            self._aggregate(payload)
        elif kind < AP:
            self._whole(bytes(payload[:2]) + bytes(payload[4:]) if self._skip else payload)
        elif kind == PACI:
            self._take(_carried(payload))

    def _aggregate(self, payload: Bytes) -> None:
        at, end = 2, len(payload)
        skip = self._skip
        while at + skip + 2 < end:
            start = at + skip + 2
            stop = start + (payload[start - 2] << 8 | payload[start - 1])
            if stop > end:
                raise Damage
            self._whole(payload[start:stop])
            at = stop
            # Units behind the first have one byte, the difference of their numbers.
            skip = min(skip, 1)

    def _begins(self, header: int, first: int) -> bool | None:
        kind = header >> 1 & 0x3F
        if kind < 32:
            # first_slice_segment_in_pic_flag
            return first >= 0x80
        return True if kind in (32, 33, 34, 35, 39) else None

    def _is_slice(self, header: int) -> bool:
        return header >> 1 & 0x3F < 32


def _carried(payload: Bytes) -> bytes:
    """What a PACI packet (§4.4.4) holds: a packet without the first bits of its header, which stand elsewhere."""
    if len(payload) < 5:
        raise Damage
    fields = payload[2] << 8 | payload[3]
    at = 4 + (fields >> 4 & 0x1F)
    kind = fields >> 9 & 0x3F
    if kind == PACI or at >= len(payload):
        raise Damage
    # The layer and the temporal number are the PACI packet's own.
    return bytes((fields >> 15 << 7 | kind << 1 | payload[0] & 1, payload[1])) + bytes(payload[at:])


def parameter_sets(parameters: Mapping[str, str]) -> bytes:
    """Annex B of what the SDP brings (§7.1 sprop-vps, -sps, -pps; some firmware has H.264's name for all of them); b""
    when missing or garbled."""
    names = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")
    return b"".join(annexb(parameters.get(name, "")) for name in names)


def is_numbered(parameters: Mapping[str, str]) -> bool:
    """Whether units carry decoding order numbers."""
    return (whole(parameters.get("sprop-max-don-diff", "")) or 0) > 0
