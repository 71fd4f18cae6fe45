"""Superframes and the uncompressed header of a VP9 frame (VP9 specification Annex B, §6.2).

A packet is one frame, or a superframe: several frames (all but the last hidden) and an index behind them whose
first and last byte are the same: 110 ‖ size bytes - 1: 2 ‖ frames - 1: 3.
"""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

_FRAME_MARKER = 2
_SYNC_CODE = 0x498342
_BT_601, _SRGB = 1, 7
_HEADER_BYTES = 32
"""More than all fields that are read take."""


@attrs.frozen
class Format:
    """What a key frame says of the pictures that follow."""

    profile: int
    bit_depth: int
    colour_space: int
    """color_space: 2 is BT.709, 5 BT.2020, 7 sRGB, 0 unknown."""
    full_range: bool
    subsampling_x: bool
    subsampling_y: bool
    width: int
    height: int


@attrs.frozen
class FrameHeader:
    """What one frame says."""

    format: Format | None
    """Of key frames only."""
    referred: bool
    """Later frames may refer to it."""
    intra: Format | None = None
    """What an intra-only frame says of the pictures: it refers to no other, but renews only some of the references."""

    @property
    def key(self) -> bool:
        return self.format is not None


_UNREFERRED = FrameHeader(None, False)
_REFERRED = FrameHeader(None, True)
_INTER_SHOWN = 0x06
"""Second to seventh bit of the first byte: profile 0, no existing frame, inter, shown."""


def split_superframe(data: bytes) -> list[bytes]:
    """The frames of a packet, hidden ones included; raises `MediaError`."""
    marker = data[-1] if data else 0
    if marker & 0xE0 == 0xC0:
        count, size = (marker & 7) + 1, (marker >> 3 & 3) + 1
        index = len(data) - (2 + count * size)
        if index >= 0 and data[index] == marker:
            return _split(data[:index], data[index + 1 : -1], size)
    if not data:
        raise MediaError("empty VP9 packet")
    return [data]


def _split(frames: bytes, index: bytes, size: int) -> list[bytes]:
    out = []
    position = 0
    for at in range(0, len(index), size):
        length = int.from_bytes(index[at : at + size], "little")
        if position + length > len(frames):
            raise MediaError(f"VP9 superframe index claims {position + length} bytes, {len(frames)} are there")
        if length:
            out.append(frames[position : position + length])
        position += length
    if not out:
        raise MediaError("VP9 superframe without frames")
    return out


def parse_frame_header(frame: bytes) -> FrameHeader:
    """Read the beginning of a frame; raises `MediaError`."""
    first = frame[0] if frame else 0
    if first >> 6 != _FRAME_MARKER:
        raise MediaError(f"no VP9 frame marker: frame begins with {frame[:1].hex()}")
    if first & 0x3E == _INTER_SHOWN and len(frame) > 2:
        # By far the most frequent frame, and once a frame: profile 0, inter, shown.
        refreshes = (frame[1] << 8 | frame[2]) >> 8 if first & 1 else (frame[1] << 8 | frame[2]) >> 6
        return _REFERRED if refreshes & 0xFF else _UNREFERRED
    bits = BitReader(frame[:_HEADER_BYTES], 2)
    profile = bits.u(1) | bits.u(1) << 1
    if profile == 3:
        bits.skip(1)
    if bits.flag():
        return _UNREFERRED
    inter, shown, error_resilient = bits.flag(), bits.flag(), bits.flag()
    if not inter:
        return FrameHeader(_format(bits, profile), True)
    intra_only = not shown and bits.flag()
    if not error_resilient:
        bits.skip(2)
    if not intra_only:
        return _REFERRED if bits.u(8) else _UNREFERRED
    _sync(bits)
    # Profile 0 has one form only, which intra-only frames do not name (§7.2).
    colour = _colour(bits, profile) if profile else (8, _BT_601, False, True, True)
    referred = bits.u(8) != 0
    return FrameHeader(None, referred, Format(profile, *colour, width=bits.u(16) + 1, height=bits.u(16) + 1))


def _sync(bits: BitReader) -> None:
    if (code := bits.u(24)) != _SYNC_CODE:
        raise MediaError(f"VP9 sync code is {code:06x}, expected {_SYNC_CODE:06x}")


def _format(bits: BitReader, profile: int) -> Format:
    _sync(bits)
    return Format(profile, *_colour(bits, profile), width=bits.u(16) + 1, height=bits.u(16) + 1)


def _colour(bits: BitReader, profile: int) -> tuple[int, int, bool, bool, bool]:
    """color_config: bit depth, color_space, full range, subsampling."""
    depth = (12 if bits.flag() else 10) if profile >= 2 else 8
    space = bits.u(3)
    odd = bool(profile & 1)
    if space == _SRGB:
        if odd:
            bits.skip(1)
        return depth, space, True, False, False
    full_range = bits.flag()
    x = y = True
    if odd:
        x, y = bits.flag(), bits.flag()
        bits.skip(1)
    return depth, space, full_range, x, y
