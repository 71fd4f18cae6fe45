"""ADTS: the header that makes each AAC frame readable by itself (ISO 14496-3 §1.A.2.2).

    sync 12 = FFF ‖ id 1 ‖ layer 2 = 0 ‖ no CRC 1 ‖ profile 2 ‖ frequency index 4 ‖ private 1 ‖ channels 3 ‖ 4 flags
    ‖ frame length 13 (header included) ‖ fullness 11 ‖ raw data blocks - 1: 2 [‖ CRC 16]

A raw AAC frame cannot begin with the sync word: its first three bits would end the frame at once.
"""

from __future__ import annotations

from camcast.errors import MediaError
from camcast_aac.config import FREQUENCIES, AudioConfig, build_config

HEADER_SIZE = 7
MAX_FRAME = (1 << 13) - 1
_FULLNESS_VARIABLE = 0x7FF


def is_adts(data: bytes | memoryview) -> bool:
    """Whether `data` begins with an ADTS sync word."""
    return len(data) >= 2 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0


def frame_size(data: bytes | memoryview) -> int:
    """Size of the ADTS frame that `data` begins with, header included; raises `MediaError`."""
    if not is_adts(data) or len(data) < HEADER_SIZE:
        raise MediaError(f"no ADTS header at the start of {len(data)} bytes")
    size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    if size <= _header_size(data):
        raise MediaError(f"ADTS frame length {size} leaves no room for a frame")
    return size


def split(data: bytes) -> list[bytes]:
    """The ADTS frames that stand one behind the other in `data`; raises `MediaError` unless they fill it."""
    frames = []
    position = 0
    while position < len(data):
        size = frame_size(data[position : position + HEADER_SIZE])
        if position + size > len(data):
            raise MediaError(f"truncated ADTS frame: {size} bytes announced, {len(data) - position} are left")
        frames.append(data[position : position + size])
        position += size
    return frames


def strip(data: bytes) -> bytes:
    """The raw frame of a single ADTS frame; raises `MediaError` for several, or for damage."""
    size = frame_size(data)
    if size > len(data):
        raise MediaError(f"truncated ADTS frame: {size} bytes announced, {len(data)} came")
    if size < len(data):
        raise MediaError(f"{len(data) - size} bytes behind an ADTS frame of {size}: hand over one frame at a time")
    if data[6] & 3:
        raise MediaError(f"ADTS frame with {(data[6] & 3) + 1} raw data blocks: only 1 is supported")
    return data[_header_size(data) :]


def fixed_part(data: bytes) -> int:
    """The 28 bits that are the same in each header of a stream, as a number; -1 where a CRC follows the header."""
    return int.from_bytes(data[:4], "big") >> 4 if data[1] & 1 else -1


def repeats(data: bytes, fixed: int) -> bool:
    """Whether `data` is a single whole frame, without CRC, whose header begins with the known `fixed` part."""
    value = int.from_bytes(data[:HEADER_SIZE], "big")
    return value >> 28 == fixed and value >> 13 & MAX_FRAME == len(data) > HEADER_SIZE and not value & 3


def config_of(header: bytes) -> bytes:
    """The AudioSpecificConfig of an ADTS header's profile, rate and channels; raises `MediaError`."""
    index, channels = header[2] >> 2 & 15, (header[2] & 1) << 2 | header[3] >> 6
    if index >= len(FREQUENCIES):
        raise MediaError(f"ADTS sampling frequency index {index} is reserved")
    if not channels:
        raise MediaError("ADTS channel configuration 0 (channels described in the frames) is not supported")
    return build_config((header[2] >> 6) + 1, FREQUENCIES[index], channels)


def header(config: AudioConfig, size: int) -> bytes:
    """The 7 bytes in front of a raw frame of `size` bytes; raises `MediaError` where ADTS cannot tell the format."""
    length = HEADER_SIZE + size
    if length > MAX_FRAME:
        raise MediaError(f"AAC frame of {size} bytes: ADTS takes at most {MAX_FRAME - HEADER_SIZE}")
    known = config.core_rate in FREQUENCIES and 1 <= config.object_type <= 4 and 1 <= config.channel_configuration <= 7
    if not known:
        raise MediaError(f"ADTS cannot carry AAC {config.profile} at {config.core_rate} Hz")
    value = (
        0xFFF1 << 40
        | (config.object_type - 1) << 38
        | FREQUENCIES.index(config.core_rate) << 34
        | config.channel_configuration << 30
        | length << 13
        | _FULLNESS_VARIABLE << 2
    )
    return value.to_bytes(7, "big")


def _header_size(data: bytes | memoryview) -> int:
    return HEADER_SIZE if data[1] & 1 else HEADER_SIZE + 2
