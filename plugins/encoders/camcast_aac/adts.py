"""ADTS: the header that makes each AAC frame readable by itself (ISO 14496-3 §1.A.2.2).

    sync 12 = FFF ‖ id 1 ‖ layer 2 = 0 ‖ no CRC 1 ‖ profile 2 ‖ frequency index 4 ‖ private 1 ‖ channels 3 ‖ 4 flags
    ‖ frame length 13 (header included) ‖ fullness 11 ‖ raw data blocks - 1: 2 [‖ CRC 16]

With channel configuration 0 a program config element, the first of the frame, describes the channels (§1.A.3.2.2).

A raw AAC frame cannot begin with the sync word: its first three bits would end the frame at once.
"""

from __future__ import annotations

from camcast.errors import MediaError
from camcast_aac.config import FREQUENCIES, AudioConfig, build_config, moved_program_config, parse_config

HEADER_SIZE = 7
MAX_FRAME = (1 << 13) - 1
_FULLNESS_VARIABLE = 0x7FF
_ID_PCE = 5
"""The three bits that a program config element begins with."""
_BEFORE_PCE = 16
"""Bits of an AudioSpecificConfig in front of it: type 5, rate 4, channels 4, three flags (§4.4.1)."""


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


def config_of(frame: bytes) -> bytes:
    """The AudioSpecificConfig of an ADTS frame's profile, rate and channels; raises `MediaError`."""
    index, channels = frame[2] >> 2 & 15, (frame[2] & 1) << 2 | frame[3] >> 6
    if index >= len(FREQUENCIES):
        raise MediaError(f"ADTS sampling frequency index {index} is reserved")
    object_type = (frame[2] >> 6) + 1
    if channels:
        return build_config(object_type, FREQUENCIES[index], channels)
    block = frame[_header_size(frame) :]
    if not describes_channels(block):
        raise MediaError(
            "ADTS channel configuration 0 without a program config element at the beginning of the frame: nothing says "
            "which channels there are"
        )
    return moved_program_config(block, 3, object_type << 11 | index << 7, _BEFORE_PCE)


def describes_channels(block: bytes) -> bool:
    """Whether a raw frame begins with a program config element."""
    return bool(block) and block[0] >> 5 == _ID_PCE


def description(config: bytes) -> bytes:
    """The program config element of an AudioSpecificConfig with channel configuration 0, as a frame begins with it.

    Raises `MediaError` where that tells more than ADTS can.
    """
    parsed = parse_config(config)
    if parsed.extension or int.from_bytes(config[:2], "big") != _front(parsed):
        raise MediaError(f"ADTS cannot carry AAC {parsed.profile} with channels described like this")
    return moved_program_config(config, _BEFORE_PCE, _ID_PCE, 3)


def _front(config: AudioConfig) -> int:
    """The 16 bits of a plain AudioSpecificConfig without its channels."""
    return config.object_type << 11 | FREQUENCIES.index(config.core_rate) << 7


def header(config: AudioConfig, size: int) -> bytes:
    """The 7 bytes in front of a raw frame of `size` bytes; raises `MediaError` where ADTS cannot tell the format."""
    length = HEADER_SIZE + size
    if length > MAX_FRAME:
        raise MediaError(f"AAC frame of {size} bytes: ADTS takes at most {MAX_FRAME - HEADER_SIZE}")
    known = config.core_rate in FREQUENCIES and 1 <= config.object_type <= 4 and config.channel_configuration <= 7
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
