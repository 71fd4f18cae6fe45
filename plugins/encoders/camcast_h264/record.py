"""The AVC decoder configuration record, "avcC" (ISO 14496-15 §5.3.3.1).

Rules: what is written always announces 4-byte sizes. The four extra bytes follow for every profile whose SPS has
chroma format and bit depth. Some muxers leave them out, so reading does not ask for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from camcast.errors import MediaError
from camcast_h264.sps import HIGH_PROFILES, Sps


def write_record(sps: Sequence[bytes], pps: Sequence[bytes], first: Sps) -> bytes:
    """The record for these units; `first` is what `sps[0]` says. Raises `MediaError` when there are too many."""
    if len(sps) > 31 or len(pps) > 255:
        raise MediaError(f"{len(sps)} SPS and {len(pps)} PPS: a record holds at most 31 and 255")
    out = bytearray((1, first.profile_idc, first.constraints, first.level_idc, 0xFF, 0xE0 | len(sps)))
    for unit in sps:
        out += len(unit).to_bytes(2, "big") + unit
    out.append(len(pps))
    for unit in pps:
        out += len(unit).to_bytes(2, "big") + unit
    if first.profile_idc in HIGH_PROFILES or first.profile_idc == 144:
        out += bytes(
            (0xFC | first.chroma_format, 0xF8 | first.bit_depth_luma - 8, 0xF8 | first.bit_depth_chroma - 8, 0)
        )
    return bytes(out)


def read_record(record: bytes) -> tuple[int, list[bytes]]:
    """Bytes in a size field, and the SPS and PPS units. Raises `MediaError`."""
    if len(record) < 7 or record[0] != 1:
        raise MediaError(f"not an avcC record: {len(record)} bytes that begin with {record[:4].hex(' ')}")
    units: list[bytes] = []
    position = _take(record, 6, record[5] & 0x1F, units)
    if position >= len(record):
        raise MediaError(f"avcC record ends before its PPS count, after {len(record)} bytes")
    _take(record, position + 1, record[position], units)
    return (record[4] & 3) + 1, units


def _take(record: bytes, position: int, count: int, units: list[bytes]) -> int:
    """Append `count` units that begin at `position`; where they end."""
    for _ in range(count):
        start = position + 2
        stop = start + int.from_bytes(record[position:start], "big")
        if start > len(record) or stop > len(record):
            raise MediaError(f"avcC record of {len(record)} bytes ends inside a parameter set")
        if stop == start:
            raise MediaError("avcC record holds an empty parameter set")
        units.append(record[start:stop])
        position = stop
    return position
