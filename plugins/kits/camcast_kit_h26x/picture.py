"""What both sequence parameter sets say of the picture in the same bits: cropping, and the beginning of the VUI.

ITU-T H.264 §7.3.2.1.1 and §E.1.1; ITU-T H.265 §7.3.2.2.1 and §E.2.1.
"""

from __future__ import annotations

import attrs

from camcast.bitstream.bits import BitReader
from camcast.errors import MediaError

MAX_SIDE = 16384
"""Pixels; what asks for more is taken for damage."""
_EXTENDED_SAR = 255


@attrs.frozen(kw_only=True)
class Colour:
    """Code points of ITU-T H.273; 2 = unspecified."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False

    def details(self, bit_depth: int) -> dict[str, object]:
        """What a track tells of it, for whoever converts or labels the picture."""
        return {
            "bit_depth": bit_depth,
            "primaries": self.primaries,
            "transfer": self.transfer,
            "matrix": self.matrix,
            "full_range": self.full_range,
        }


UNSPECIFIED = Colour()


def read_crop(
    bits: BitReader, width: int, height: int, chroma_format: int, *, separate: bool, fields: int = 1
) -> tuple[int, int]:
    """The size that is shown of `width` x `height`: the flag, and the window if there is one. Raises `MediaError`.

    `separate`: separate_colour_plane_flag. `fields`: 2 where lines are counted in fields.
    """
    if not bits.flag():
        return width, height
    unit_x = 2 if chroma_format in (1, 2) and not separate else 1
    unit_y = (2 if chroma_format == 1 and not separate else 1) * fields
    left, right, top, bottom = (bits.ue(MAX_SIDE) for _ in range(4))
    width -= unit_x * (left + right)
    height -= unit_y * (top + bottom)
    if width <= 0 or height <= 0:
        raise MediaError("SPS crops the whole picture away")
    return width, height


def read_colour(bits: BitReader) -> Colour:
    """The VUI from its first bit through the video signal type. Raises `MediaError`."""
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:
        bits.skip(32)
    if bits.flag():
        bits.skip(1)
    if not bits.flag():
        return UNSPECIFIED
    bits.skip(3)
    full_range = bits.flag()
    primaries, transfer, matrix = (bits.u(8), bits.u(8), bits.u(8)) if bits.flag() else (2, 2, 2)
    return Colour(primaries=primaries, transfer=transfer, matrix=matrix, full_range=full_range)


def skip_chroma_location(bits: BitReader) -> None:
    """What follows the video signal type in both. Raises `MediaError`."""
    if bits.flag():
        bits.ue(5)
        bits.ue(5)
