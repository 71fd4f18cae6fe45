"""The H.264 sequence parameter set (ITU-T H.264 §7.3.2.1, Annex E), as far as a track needs it.

Rules: bits are read from the un-escaped unit. A damaged VUI is left out rather than the whole set: some cameras
write it wrongly and every decoder plays them.
"""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader, unescape
from camcast.errors import MediaError
from camcast_kit_h26x.picture import MAX_SIDE, UNSPECIFIED, Colour, read_colour, read_crop, skip_chroma_location

HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose SPS has chroma format and bit depth (§7.3.2.1.1)."""

_PROFILE_NAMES = {
    66: "Baseline",
    77: "Main",
    88: "Extended",
    100: "High",
    110: "High 10",
    122: "High 4:2:2",
    244: "High 4:4:4 Predictive",
    44: "CAVLC 4:4:4 Intra",
    83: "Scalable Baseline",
    86: "Scalable High",
    118: "Multiview High",
    128: "Stereo High",
}
_MAX_DPB_MACROBLOCKS = {
    9: 396, 10: 396, 11: 900, 12: 2376, 13: 2376, 20: 2376, 21: 4752, 22: 8100, 30: 8100, 31: 18000, 32: 20480,
    40: 32768, 41: 32768, 42: 34816, 50: 110400, 51: 184320, 52: 184320, 60: 696320, 61: 696320, 62: 696320,
}  # fmt: skip
"""Level → MaxDpbMbs (Table A-1)."""


@attrs.frozen(kw_only=True)
class _Vui:
    frame_rate: float = 0.0
    reorder: int | None = None
    colour: Colour = UNSPECIFIED


@attrs.frozen
class OrderCycle:
    """What picture order counts of type 1 are expected to be (§7.4.2.1.1)."""

    always_zero: bool
    """delta_pic_order_always_zero_flag: slices say nothing about their order."""
    non_reference: int
    """offset_for_non_ref_pic."""
    second_field: int
    """offset_for_top_to_bottom_field."""
    offsets: tuple[int, ...]
    """offset_for_ref_frame."""


@attrs.frozen(kw_only=True)
class Sps:
    """What an SPS says. Sizes are pixels after cropping."""

    id: int
    profile_idc: int
    constraints: int
    level_idc: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    frame_rate: float
    """0 when the stream does not say."""
    reorder: int
    """Upper bound of pictures shown out of decode order."""
    reorder_stated: bool
    """Whether the stream says so itself; else `reorder` is all that profile and level allow."""
    separate_planes: bool
    frame_number_bits: int
    order_type: int
    """pic_order_cnt_type."""
    order_bits: int
    """Of pic_order_cnt_lsb, where the type is 0."""
    order_cycle: OrderCycle | None
    """Where the type is 1."""
    frames_only: bool
    colour: Colour

    @property
    def profile(self) -> str:
        """Profile and level for people: "High 4.0"."""
        name = _PROFILE_NAMES.get(self.profile_idc, f"profile {self.profile_idc}")
        if self.profile_idc == 66 and self.constraints & 0x40:
            name = "Constrained Baseline"
        is_1b = self.level_idc == 9 or (
            self.level_idc == 11 and self.constraints & 0x10 and self.profile_idc in (66, 77, 88)
        )
        return f"{name} {'1b' if is_1b else f'{self.level_idc / 10:.1f}'}"


def parse_sps(nal: bytes) -> Sps:
    """Reads the whole unit, header byte included. Raises `MediaError`."""
    data = unescape(nal)
    if len(data) < 5:
        raise MediaError(f"SPS of {len(nal)} bytes is too short")
    profile, constraints, level = data[1], data[2], data[3]
    bits = BitReader(data, 32)
    sps_id = bits.ue(31)
    chroma_format, luma, chroma, separate = 1, 8, 8, False
    if profile in HIGH_PROFILES:
        chroma_format = bits.ue(3)
        separate = chroma_format == 3 and bits.flag()
        luma, chroma = 8 + bits.ue(6), 8 + bits.ue(6)
        bits.skip(1)
        if bits.flag():
            _skip_scaling_lists(bits, 12 if chroma_format == 3 else 8)
    frame_number_bits = bits.ue(12) + 4
    order_type = bits.ue(2)
    order_bits, cycle = 0, None
    if order_type == 0:
        order_bits = bits.ue(12) + 4
    elif order_type == 1:
        cycle = OrderCycle(bits.flag(), bits.se(), bits.se(), tuple(bits.se() for _ in range(bits.ue(255))))
    bits.ue(16)
    bits.skip(1)
    columns = bits.ue() + 1
    rows = bits.ue() + 1
    frames_only = bits.flag()
    rows *= 1 if frames_only else 2
    if not frames_only:
        bits.skip(1)
    bits.skip(1)
    width, height = columns * 16, rows * 16
    if width > MAX_SIDE or height > MAX_SIDE:
        raise MediaError(f"SPS asks for {width}x{height} pixels, at most {MAX_SIDE} a side are allowed")
    width, height = read_crop(bits, width, height, chroma_format, separate=separate, fields=1 if frames_only else 2)
    vui = _try_vui(bits) if bits.flag() else _Vui()
    reorder = _reorder_bound(profile, constraints, level, order_type, columns * rows)
    return Sps(
        id=sps_id,
        profile_idc=profile,
        constraints=constraints,
        level_idc=level,
        chroma_format=chroma_format,
        bit_depth_luma=luma,
        bit_depth_chroma=chroma,
        width=width,
        height=height,
        separate_planes=separate,
        frame_number_bits=frame_number_bits,
        order_type=order_type,
        order_bits=order_bits,
        order_cycle=cycle,
        frames_only=frames_only,
        frame_rate=vui.frame_rate,
        reorder=reorder if vui.reorder is None else vui.reorder,
        reorder_stated=vui.reorder is not None or not reorder,
        colour=vui.colour,
    )


def _skip_scaling_lists(bits: BitReader, lists: int) -> None:
    for number in range(lists):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if number < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _try_vui(bits: BitReader) -> _Vui:
    vui = _Vui()
    try:
        vui = attrs.evolve(vui, colour=read_colour(bits))
        skip_chroma_location(bits)
        if bits.flag():
            tick, scale = bits.u(32), bits.u(32)
            bits.skip(1)
            if tick and scale:
                # One tick is a field; two of them make a frame.
                vui = attrs.evolve(vui, frame_rate=scale / tick / 2)
        nal_hrd = bits.flag()
        if nal_hrd:
            _skip_hrd(bits)
        vcl_hrd = bits.flag()
        if vcl_hrd:
            _skip_hrd(bits)
        bits.skip(1 if nal_hrd or vcl_hrd else 0)
        bits.skip(1)
        if bits.flag():
            bits.skip(1)
            for _ in range(4):
                bits.ue(16)
            vui = attrs.evolve(vui, reorder=bits.ue(16))
    except MediaError:
        return vui
    return vui


def _skip_hrd(bits: BitReader) -> None:
    count = bits.ue(31) + 1
    bits.skip(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.skip(1)
    bits.skip(20)


def _reorder_bound(profile: int, constraints: int, level: int, order_type: int, macroblocks: int) -> int:
    """What may be out of order when the VUI does not say (§E.2.1, max_num_reorder_frames)."""
    intra_only = profile == 44 or (profile in (86, 100, 110, 122, 244) and bool(constraints & 0x10))
    if profile == 66 or intra_only or order_type == 2:
        return 0
    return min(_MAX_DPB_MACROBLOCKS.get(level, 696320) // macroblocks, 16)
