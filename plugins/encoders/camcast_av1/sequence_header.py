"""The sequence header OBU: picture size, profile, bit depth and colour (AV1 specification §5.5)."""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

SELECT = 2
"""Value of a tool switch that each frame sets for itself."""
_SRGB = (1, 13, 0)
_PROFILES = ("Main", "High", "Professional")


@attrs.frozen(kw_only=True)
class Colour:
    """color_config. Primaries, transfer and matrix are ITU-T H.273 code points; 2 = unspecified."""

    bit_depth: int
    monochrome: bool
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False
    subsampling_x: bool = True
    subsampling_y: bool = True
    sample_position: int = 0

    @property
    def high_dynamic_range(self) -> bool:
        """PQ or HLG transfer."""
        return self.transfer in (16, 18)


@attrs.frozen(kw_only=True)
class SequenceHeader:
    """What the sequence header says, as far as it matters for packaging and for reading frame headers."""

    profile: int
    level: int
    tier: int
    width: int
    height: int
    colour: Colour
    frame_rate: float
    """0 when not told."""
    still: bool
    """reduced_still_picture_header: all frames are key frames, with a header of their own kind."""
    decoder_model: bool
    equal_picture_interval: bool
    presentation_time_bits: int
    removal_time_bits: int
    operating_points: tuple[tuple[int, bool], ...]
    """Per operating point: its layers (operating_point_idc), and whether it has a decoder model."""
    frame_id_bits: int
    """0 = frames have no ids."""
    screen_content: int
    """0, 1 or `SELECT`; likewise `integer_motion`."""
    integer_motion: int
    order_hint_bits: int

    @property
    def profile_name(self) -> str:
        name = _PROFILES[self.profile] if self.profile < len(_PROFILES) else f"profile {self.profile}"
        return f"{name} {2 + (self.level >> 2)}.{self.level & 3}"


def parse_sequence_header(payload: bytes) -> SequenceHeader:
    """Read the payload of a sequence header OBU; raises `MediaError`."""
    bits = BitReader(payload)
    profile = bits.u(3)
    if profile > 2:
        raise MediaError(f"AV1 profile {profile}: expected 0, 1 or 2")
    bits.skip(1)
    still = bits.flag()
    timing = _Timing()
    points: list[tuple[int, bool]] = [(0, False)]
    if still:
        level, tier = bits.u(5), 0
    else:
        timing = _timing(bits)
        level, tier, points = _operating_points(bits, timing)
    width_bits, height_bits = bits.u(4) + 1, bits.u(4) + 1
    width, height = bits.u(width_bits) + 1, bits.u(height_bits) + 1
    frame_id_bits = 0
    if not still and bits.flag():
        frame_id_bits = bits.u(4) + 2
        frame_id_bits += bits.u(3) + 1
    bits.skip(3)
    screen_content, integer_motion, order_hint_bits = (SELECT, SELECT, 0) if still else _tools(bits)
    bits.skip(3)
    return SequenceHeader(
        profile=profile,
        level=level,
        tier=tier,
        width=width,
        height=height,
        colour=_colour(bits, profile),
        frame_rate=timing.frame_rate,
        still=still,
        decoder_model=timing.decoder_model,
        equal_picture_interval=timing.equal_picture_interval,
        presentation_time_bits=timing.presentation_time_bits,
        removal_time_bits=timing.removal_time_bits,
        operating_points=tuple(points),
        frame_id_bits=frame_id_bits,
        screen_content=screen_content,
        integer_motion=integer_motion,
        order_hint_bits=order_hint_bits,
    )


@attrs.frozen(kw_only=True)
class _Timing:
    frame_rate: float = 0.0
    equal_picture_interval: bool = False
    decoder_model: bool = False
    buffer_delay_bits: int = 0
    removal_time_bits: int = 0
    presentation_time_bits: int = 0


def _timing(bits: BitReader) -> _Timing:
    """timing_info and decoder_model_info."""
    if not bits.flag():
        return _Timing()
    ticks, scale = bits.u(32), bits.u(32)
    equal = bits.flag()
    rate = 0.0
    if equal:
        ticks *= bits.ue() + 1
        rate = scale / ticks if ticks else 0.0
    if not bits.flag():
        return _Timing(frame_rate=rate, equal_picture_interval=equal)
    buffer_delay_bits = bits.u(5) + 1
    bits.skip(32)
    return _Timing(
        frame_rate=rate,
        equal_picture_interval=equal,
        decoder_model=True,
        buffer_delay_bits=buffer_delay_bits,
        removal_time_bits=bits.u(5) + 1,
        presentation_time_bits=bits.u(5) + 1,
    )


def _operating_points(bits: BitReader, timing: _Timing) -> tuple[int, int, list[tuple[int, bool]]]:
    """Level and tier of the first operating point, and all points' layers."""
    display_delay = bits.flag()
    points = []
    level = tier = 0
    for index in range(bits.u(5) + 1):
        layers = bits.u(12)
        this_level = bits.u(5)
        this_tier = bits.u(1) if this_level > 7 else 0
        has_model = timing.decoder_model and bits.flag()
        if has_model:
            bits.skip(2 * timing.buffer_delay_bits + 1)
        if display_delay and bits.flag():
            bits.skip(4)
        if index == 0:
            level, tier = this_level, this_tier
        points.append((layers, has_model))
    return level, tier, points


def _tools(bits: BitReader) -> tuple[int, int, int]:
    """Screen content and integer motion switches, and the size of order hints."""
    bits.skip(4)
    order_hint = bits.flag()
    if order_hint:
        bits.skip(2)
    screen_content = SELECT if bits.flag() else bits.u(1)
    integer_motion = SELECT
    if screen_content and not bits.flag():
        integer_motion = bits.u(1)
    return screen_content, integer_motion, bits.u(3) + 1 if order_hint else 0


def _colour(bits: BitReader, profile: int) -> Colour:
    high = bits.flag()
    depth = 12 if profile == 2 and high and bits.flag() else 10 if high else 8
    monochrome = profile != 1 and bits.flag()
    primaries = transfer = matrix = 2
    if bits.flag():
        primaries, transfer, matrix = bits.u(8), bits.u(8), bits.u(8)
    full_range, x, y, position = True, True, True, 0
    if monochrome:
        full_range = bits.flag()
    elif (primaries, transfer, matrix) == _SRGB:
        x = y = False
    else:
        full_range = bits.flag()
        if profile == 1:
            x = y = False
        elif profile == 2:
            if depth == 12:
                x = bits.flag()
                y = x and bits.flag()
            else:
                y = False
        if x and y:
            position = bits.u(2)
    return Colour(
        bit_depth=depth,
        monochrome=monochrome,
        primaries=primaries,
        transfer=transfer,
        matrix=matrix,
        full_range=full_range,
        subsampling_x=x,
        subsampling_y=y,
        sample_position=position,
    )
