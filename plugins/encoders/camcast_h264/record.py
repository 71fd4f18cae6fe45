"""The AVC decoder configuration record, "avcC" (ISO 14496-15 §5.3.3.1).

Rules: what is written always announces 4-byte sizes. The four extra bytes follow for every profile whose SPS has
chroma format and bit depth. Some muxers leave them out, so reading does not ask for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from camcast.errors import MediaError
from camcast_h264.sps import HIGH_PROFILES, Sps
from camcast_kit_h26x.record import read_sized, sized


def write_record(sps: Sequence[bytes], pps: Sequence[bytes], first: Sps) -> bytes:
    """The record for these units; `first` is what `sps[0]` says. Raises `MediaError` when there are too many."""
    if len(sps) > 31 or len(pps) > 255:
        raise MediaError(f"{len(sps)} SPS and {len(pps)} PPS: a record holds at most 31 and 255")
    out = bytearray((1, first.profile_idc, first.constraints, first.level_idc, 0xFF, 0xE0 | len(sps)))
    out += sized(sps)
    out.append(len(pps))
    out += sized(pps)
    if first.profile_idc in HIGH_PROFILES or first.profile_idc == 144:
        out += bytes(
            (0xFC | first.chroma_format, 0xF8 | first.bit_depth_luma - 8, 0xF8 | first.bit_depth_chroma - 8, 0)
        )
    return bytes(out)


def read_record(record: bytes) -> tuple[int, list[bytes]]:
    """Bytes in a size field, and the SPS and PPS units. Raises `MediaError`."""
    if len(record) < 7 or record[0] != 1:
        raise MediaError(f"not an avcC record: {len(record)} bytes that begin with {record[:4].hex(' ')}")
    sps, position = read_sized(record, 6, record[5] & 0x1F, "avcC")
    if position >= len(record):
        raise MediaError(f"avcC record ends before its PPS count, after {len(record)} bytes")
    pps, _ = read_sized(record, position + 1, record[position], "avcC")
    return (record[4] & 3) + 1, sps + pps
