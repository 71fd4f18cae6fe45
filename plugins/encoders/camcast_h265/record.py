"""The HEVC decoder configuration record, "hvcC" (ISO 14496-15 §8.3.3.1).

Rules: sizes of 4 bytes; one array for VPS, SPS and PPS each, in this order, not marked complete, since keyframes
hold them too. Profile, tier and level are copied from the *un-escaped* SPS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from camcast.errors import MediaError
from camcast_h265.sps import Sps
from camcast_kit_h26x.record import read_sized, sized

_FIXED = 23
"""Bytes in front of the arrays."""
_ARRAY = 3
"""Bytes in front of an array's units: their type, and how many."""


def write_record(sets: Mapping[int, Sequence[bytes]], first: Sps) -> bytes:
    """The record for these units by type; `first` is what the first SPS says."""
    out = bytearray(b"\x01" + first.profile_tier_level)
    # No spatial segmentation and unknown parallelism; no average frame rate.
    out += b"\xf0\x00\xfc"
    out += bytes((0xFC | first.chroma_format, 0xF8 | first.bit_depth_luma - 8, 0xF8 | first.bit_depth_chroma - 8))
    out += bytes((0, 0, first.sub_layers << 3 | first.nested << 2 | 3, len(sets)))
    for kind, units in sets.items():
        out += bytes((kind,)) + len(units).to_bytes(2, "big") + sized(units)
    return bytes(out)


def read_record(record: bytes) -> tuple[int, list[bytes]]:
    """Bytes in a size field, and all units in the arrays. Raises `MediaError`."""
    # Some muxers wrote version 0 before the standard was final.
    if len(record) < _FIXED or record[0] > 1:
        raise MediaError(f"not an hvcC record: {len(record)} bytes that begin with {record[:4].hex(' ')}")
    units: list[bytes] = []
    position = _FIXED
    for _ in range(record[22]):
        if position + _ARRAY > len(record):
            raise MediaError(f"hvcC record of {len(record)} bytes ends inside an array")
        count = int.from_bytes(record[position + 1 : position + _ARRAY], "big")
        found, position = read_sized(record, position + _ARRAY, count, "hvcC")
        units += found
    return (record[21] & 3) + 1, units
