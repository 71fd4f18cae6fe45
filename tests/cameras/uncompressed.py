"""H.264 written bit by bit, its macroblocks uncompressed (I_PCM): what no encoder at hand makes.

Pictures coded as two fields (PAFF) and all three ways to count the order of pictures (ITU-T H.264 §8.2.1). Independent
of camcast's code: only the grammar of §7.3 is used. Every picture is intra coded; the first of each group is an IDR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

FRAME_NUMBER_BITS = 5
ORDER_BITS = 6
"""Few, so that they wrap."""


class Bits:
    """Writes bits, most significant first."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._rest = ""
        """Bits that make no whole byte yet."""

    def u(self, size: int, value: int) -> None:
        rest = self._rest + f"{value:0{size}b}"
        whole = len(rest) // 8 * 8
        if whole:
            self._bytes += int(rest[:whole], 2).to_bytes(whole // 8, "big")
        self._rest = rest[whole:]

    def ue(self, value: int) -> None:
        """Exp-Golomb (§9.1)."""
        self.u(2 * (value + 1).bit_length() - 1, value + 1)

    def se(self, value: int) -> None:
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def align(self) -> None:
        if self._rest:
            self.u(8 - len(self._rest), 0)

    def data(self, data: bytes) -> None:
        assert not self._rest
        self._bytes += data

    def unit(self, header: int) -> bytes:
        """The NAL unit with its stop bit and start code, escaped (§7.4.1)."""
        self.u(1, 1)
        self.align()
        return b"\0\0\0\1" + bytes((header,)) + _NEEDS_ESCAPE.sub(b"\x00\x00\x03", bytes(self._bytes))


_NEEDS_ESCAPE = re.compile(rb"\0\0(?=[\0-\3])")


@attrs.frozen
class Shape:
    """How a stream is coded."""

    size: tuple[int, int]
    order_type: int = 0
    """pic_order_cnt_type."""
    fields: bool = False
    """Each picture as two fields."""
    reorder: bool = False
    """Every second picture is coded behind the one that is shown after it, and nothing refers to it."""
    gop: int = 12
    timed: bool = True
    """The parameter sets tell the rate: 25 pictures a second."""


def stream(pictures: Sequence[npt.NDArray[np.uint8]], shape: Shape) -> Iterator[bytes]:
    """Access units, in decode order, of yuv420p pictures as `clips.picture` makes them."""
    for begin in range(0, len(pictures), shape.gop):
        group = list(range(begin, min(begin + shape.gop, len(pictures))))
        frame_number = 0
        for place, (number, reference) in enumerate(_decode_order(len(group), reorder=shape.reorder)):
            sets = _sps(shape) + _pps() if place == 0 else b""
            slices = b"".join(
                _slice(
                    pictures[begin + number], shape, number, frame_number, idr=place == 0, reference=reference, bottom=b
                )
                for b in ((False, True) if shape.fields else (None,))
            )
            yield sets + slices
            frame_number += reference


def display_order(count: int, shape: Shape) -> list[int]:
    """Numbers of the access units in the order in which they are shown."""
    decoded = []
    for begin in range(0, count, shape.gop):
        decoded += [begin + n for n, _ in _decode_order(min(shape.gop, count - begin), reorder=shape.reorder)]
    return sorted(range(count), key=decoded.__getitem__)


def _decode_order(count: int, *, reorder: bool) -> list[tuple[int, bool]]:
    """(place in the order of display, whether it is a reference)."""
    if not reorder:
        return [(number, True) for number in range(count)]
    order = [(0, True)]
    for number in range(1, count, 2):
        order += [(number + 1, True), (number, False)] if number + 1 < count else [(number, True)]
    return order


def _sps(shape: Shape) -> bytes:
    bits = Bits()
    bits.u(8, 77)  # Main
    bits.u(8, 0)
    bits.u(8, 40)
    bits.ue(0)
    bits.ue(FRAME_NUMBER_BITS - 4)
    bits.ue(shape.order_type)
    if shape.order_type == 0:
        bits.ue(ORDER_BITS - 4)
    elif shape.order_type == 1:
        # References are 4 apart (2 for each picture) where one between them is shown before the second, else 2.
        bits.u(1, 0)
        bits.se(-2 if shape.reorder else 0)
        bits.se(1 if shape.fields else 0)
        bits.ue(1)
        bits.se(4 if shape.reorder else 2)
    bits.ue(4)
    bits.u(1, 0)
    width, height = shape.size
    bits.ue(width // 16 - 1)
    bits.ue((height // 32 if shape.fields else height // 16) - 1)
    bits.u(1, not shape.fields)
    if shape.fields:
        bits.u(1, 0)
    bits.u(1, 1)
    bits.u(1, 0)
    bits.u(1, shape.timed)
    if shape.timed:
        _vui(bits)
    return bits.unit(0x67)


def _vui(bits: Bits) -> None:
    """Annex E.1.1: nothing but the rate, in fields."""
    bits.u(4, 0)
    bits.u(1, 1)
    bits.u(32, 1)
    bits.u(32, 50)
    bits.u(1, 1)
    bits.u(4, 0)


def _pps() -> bytes:
    bits = Bits()
    bits.ue(0)
    bits.ue(0)
    bits.u(1, 0)  # CAVLC
    bits.u(1, 0)
    bits.ue(0)
    bits.ue(0)
    bits.ue(0)
    bits.u(1, 0)
    bits.u(2, 0)
    bits.se(0)
    bits.se(0)
    bits.se(0)
    bits.u(1, 1)  # the deblocking filter can be switched off
    bits.u(1, 0)
    bits.u(1, 0)
    return bits.unit(0x68)


def _slice(
    picture: npt.NDArray[np.uint8],
    shape: Shape,
    number: int,
    frame_number: int,
    *,
    idr: bool,
    reference: bool,
    bottom: bool | None,
) -> bytes:
    """One picture, or one of its fields."""
    # The second field of an IDR picture is no IDR picture itself (§7.4.1.2.4): an intra-coded reference.
    idr = idr and not bottom
    bits = Bits()
    bits.ue(0)
    bits.ue(7)
    bits.ue(0)
    bits.u(FRAME_NUMBER_BITS, frame_number % (1 << FRAME_NUMBER_BITS))
    if shape.fields:
        bits.u(1, 1)
        bits.u(1, bool(bottom))
    if idr:
        bits.ue(0)
    if shape.order_type == 0:
        bits.u(ORDER_BITS, (2 * number + bool(bottom)) % (1 << ORDER_BITS))
    elif shape.order_type == 1:
        bits.se(0)
    if idr:
        bits.u(2, 0)
    elif reference:
        bits.u(1, 0)
    bits.se(0)
    bits.ue(1)
    for plane in _macroblocks(picture, shape.size, bottom):
        bits.ue(25)  # I_PCM
        bits.align()
        bits.data(plane)
    kind = 5 if idr else 1
    return bits.unit((0x60 if reference else 0) | kind)


def _macroblocks(picture: npt.NDArray[np.uint8], size: tuple[int, int], bottom: bool | None) -> Iterator[bytes]:
    width, height = size
    luma = picture[:height]
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    if bottom is not None:
        luma, chroma = luma[int(bottom) :: 2], chroma[:, int(bottom) :: 2]
    for y in range(0, luma.shape[0], 16):
        for x in range(0, width, 16):
            blocks = [luma[y : y + 16, x : x + 16], *chroma[:, y // 2 : y // 2 + 8, x // 2 : x // 2 + 8]]
            yield b"".join(np.ascontiguousarray(block).tobytes() for block in blocks)
