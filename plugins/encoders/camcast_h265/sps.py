"""H.265 parameter sets (ITU-T H.265 §7.3.2, Annex E), as far as a track needs them.

Rules: bits are read from the un-escaped unit. All that follows the bit depths is optional for us, so damage there
leaves values out rather than the whole set: some cameras write the VUI wrongly and every decoder plays them.
"""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader, unescape
from camcast.errors import MediaError
from camcast_h265.tools import skip_scaling_lists, skip_short_term_sets
from camcast_kit_h26x.picture import MAX_SIDE, UNSPECIFIED, Colour, read_colour, read_crop, skip_chroma_location

HEADER = 2
"""Bytes of a NAL unit header."""
_PTL_BYTES = 12
_PROFILE_NAMES = {
    1: "Main",
    2: "Main 10",
    3: "Main Still Picture",
    4: "Range Extensions",
    5: "High Throughput",
    6: "Multiview Main",
    7: "Scalable Main",
    8: "3D Main",
    9: "Screen Content",
    10: "Scalable Range Extensions",
    11: "High Throughput Screen Content",
}


@attrs.frozen(kw_only=True)
class Sps:
    """What an SPS says. Sizes are pixels inside the conformance window."""

    id: int
    vps_id: int
    sub_layers: int
    nested: bool
    profile_tier_level: bytes
    """The 12 bytes of general profile, compatibility, constraints and level, un-escaped."""
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    separate_planes: bool
    order_bits: int = 0
    """Of slice_pic_order_cnt_lsb; 0 when it cannot be read."""
    reorder: int = 0
    frame_rate: float = 0.0
    """0 when the SPS does not say."""
    colour: Colour = UNSPECIFIED

    @property
    def profile(self) -> str:
        """Profile, level and tier for people: "Main 10 5.1 High tier"."""
        idc = self.profile_tier_level[0] & 0x1F
        name = _PROFILE_NAMES.get(idc, f"profile {idc}")
        tier = " High tier" if self.profile_tier_level[0] & 0x20 else ""
        return f"{name} {self.profile_tier_level[11] / 30:.1f}{tier}"


def parse_sps(nal: bytes) -> Sps:
    """Reads the whole unit, header included. Raises `MediaError`."""
    data = unescape(nal)
    bits = BitReader(data, HEADER * 8)
    vps_id, sub_layers, nested = bits.u(4), bits.u(3) + 1, bits.flag()
    if sub_layers > 7:
        raise MediaError("SPS with 8 temporal sub-layers, at most 7 are allowed")
    _skip_profile_tier_level(bits, sub_layers)
    sps_id = bits.ue(15)
    chroma_format = bits.ue(3)
    separate = chroma_format == 3 and bits.flag()
    width, height = bits.ue(), bits.ue()
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        raise MediaError(f"SPS asks for {width}x{height} pixels, 1 to {MAX_SIDE} a side are allowed")
    width, height = read_crop(bits, width, height, chroma_format, separate=separate)
    sps = Sps(
        id=sps_id,
        vps_id=vps_id,
        sub_layers=sub_layers,
        nested=nested,
        profile_tier_level=data[HEADER + 1 : HEADER + 1 + _PTL_BYTES],
        chroma_format=chroma_format,
        separate_planes=separate,
        bit_depth_luma=8 + bits.ue(8),
        bit_depth_chroma=8 + bits.ue(8),
        width=width,
        height=height,
    )
    return _with_rest(sps, bits)


def vps_frame_rate(nal: bytes) -> float:
    """Frames per second as a VPS says; 0 when it does not, or is damaged."""
    bits = BitReader(unescape(nal), HEADER * 8)
    try:
        bits.skip(12)
        sub_layers = bits.u(3) + 1
        bits.skip(17)
        _skip_profile_tier_level(bits, min(sub_layers, 7))
        _ordering(bits, sub_layers)
        layers = bits.u(6) + 1
        for _ in range(bits.ue(1023)):
            bits.skip(layers)
        if bits.flag():
            return _rate(bits.u(32), bits.u(32))
    except MediaError:
        return 0.0
    return 0.0


def _skip_profile_tier_level(bits: BitReader, sub_layers: int) -> None:
    bits.skip(_PTL_BYTES * 8)
    present = [(bits.flag(), bits.flag()) for _ in range(sub_layers - 1)]
    if present:
        bits.skip(2 * (9 - sub_layers))
    for profile, level in present:
        bits.skip((88 if profile else 0) + (8 if level else 0))


def _ordering(bits: BitReader, sub_layers: int) -> int:
    """num_reorder_pics of the highest sub-layer."""
    reorder = 0
    for _ in range(sub_layers if bits.flag() else 1):
        bits.ue(15)
        reorder = bits.ue(15)
        bits.ue()
    return reorder


def _with_rest(sps: Sps, bits: BitReader) -> Sps:
    """What stands behind the bit depths, as far as it can be read."""
    try:
        poc_bits = bits.ue(12) + 4
        sps = attrs.evolve(sps, order_bits=poc_bits)
        sps = attrs.evolve(sps, reorder=_ordering(bits, sps.sub_layers))
        for _ in range(6):
            bits.ue()
        if bits.flag() and bits.flag():
            skip_scaling_lists(bits)
        bits.skip(2)
        if bits.flag():
            bits.skip(8)
            bits.ue()
            bits.ue()
            bits.skip(1)
        skip_short_term_sets(bits)
        if bits.flag():
            bits.skip(bits.ue(32) * (poc_bits + 1))
        bits.skip(2)
        return _with_vui(sps, bits) if bits.flag() else sps
    except MediaError:
        return sps


def _with_vui(sps: Sps, bits: BitReader) -> Sps:
    sps = attrs.evolve(sps, colour=read_colour(bits))
    try:
        skip_chroma_location(bits)
        bits.skip(3)
        if bits.flag():
            for _ in range(4):
                bits.ue()
        if bits.flag():
            sps = attrs.evolve(sps, frame_rate=_rate(bits.u(32), bits.u(32)))
    except MediaError:
        return sps
    return sps


def _rate(tick: int, scale: int) -> float:
    return scale / tick if tick and scale else 0.0
