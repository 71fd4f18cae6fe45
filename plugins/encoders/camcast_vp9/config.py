"""vpcC, the configuration record (VP Codec ISO Media File Format Binding), with its four FullBox bytes.

    01 000000 ‖ profile ‖ level ‖ bit depth 4 ‖ chroma 3 ‖ full range 1 ‖ primaries ‖ transfer ‖ matrix ‖ u16 0

FFmpeg and MediaMTX write the FullBox bytes into FLV, so does this. The stream tells no level: it comes from the
source's record or from the picture's size at 30 frames per second.
"""

from __future__ import annotations

import struct

import attrs

from camcast.errors import MediaError
from camcast_vp9.frame_header import Format

_FULL_BOX = b"\x01\x00\x00\x00"
_BODY_SIZE = 8
_ASSUMED_RATE = 30
_UNSPECIFIED = 2

_MATRICES = {1: 5, 2: 1, 3: 6, 4: 7, 5: 9, 7: 0}
"""ITU-T H.273 matrix coefficients by VP9 color_space."""

# Level ×10, luma samples per second, luma samples per picture (VP9 levels and decoder testing, §2).
_LEVELS = (
    (10, 829_440, 36_864),
    (11, 2_764_800, 73_728),
    (20, 4_608_000, 122_880),
    (21, 9_216_000, 245_760),
    (30, 20_736_000, 552_960),
    (31, 36_864_000, 983_040),
    (40, 83_558_400, 2_228_224),
    (41, 160_432_128, 2_228_224),
    (50, 311_951_360, 8_912_896),
    (51, 588_251_136, 8_912_896),
    (52, 1_176_502_272, 8_912_896),
    (60, 1_176_502_272, 35_651_584),
    (61, 2_353_004_544, 35_651_584),
    (62, 4_706_009_088, 35_651_584),
)


@attrs.frozen(kw_only=True)
class Record:
    """One vpcC."""

    profile: int
    level: int
    """Times ten: 31 is 3.1."""
    bit_depth: int
    chroma: int
    """1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4 (or 4:4:0)."""
    full_range: bool
    primaries: int = _UNSPECIFIED
    transfer: int = _UNSPECIFIED
    matrix: int = _UNSPECIFIED

    @classmethod
    def parse(cls, data: bytes) -> Record:
        """Read a record with or without FullBox bytes; raises `MediaError`."""
        body = data[4:] if data.startswith(_FULL_BOX) else data
        if len(body) < _BODY_SIZE:
            raise MediaError(
                f"vpcC of {len(data)} bytes: expected {_BODY_SIZE}, or {4 + _BODY_SIZE} with FullBox bytes"
            )
        profile, level, packed, primaries, transfer, matrix = body[:6]
        if profile > 3:
            raise MediaError(f"VP9 profile {profile}: expected 0 to 3")
        return cls(
            profile=profile,
            level=level,
            bit_depth=packed >> 4,
            chroma=packed >> 1 & 7,
            full_range=bool(packed & 1),
            primaries=primaries,
            transfer=transfer,
            matrix=matrix,
        )

    @classmethod
    def of(cls, seen: Format, told: Record | None) -> Record:
        """The record for what a key frame says; what it cannot say is taken from `told`."""
        fresh = cls(
            profile=seen.profile,
            level=level_of(seen.width, seen.height),
            bit_depth=seen.bit_depth,
            chroma=1 if seen.subsampling_x and seen.subsampling_y else 2 if seen.subsampling_x else 3,
            full_range=seen.full_range,
            matrix=_MATRICES.get(seen.colour_space, _UNSPECIFIED),
        )
        if told is None or (told.profile, told.bit_depth) != (fresh.profile, fresh.bit_depth):
            return fresh
        return attrs.evolve(told, level=max(told.level, fresh.level) if told.level else fresh.level)

    def __bytes__(self) -> bytes:
        packed = self.bit_depth << 4 | self.chroma << 1 | self.full_range
        fields = (self.profile, self.level, packed, self.primaries, self.transfer, self.matrix, 0)
        return _FULL_BOX + struct.pack(">6BH", *fields)


def level_of(width: int, height: int) -> int:
    """The lowest level that takes pictures of this size at 30 frames per second; 0 when none does."""
    picture = width * height
    for level, rate, size in _LEVELS:
        if picture <= size and picture * _ASSUMED_RATE <= rate:
            return level
    return 0
