"""A decoded picture as a file: its colours are those of the picture, however a camera writes them down."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from camcast.errors import EncoderError
from camcast.pyav.still import written

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40), (30, 90, 160)]
BAR = 80
NEAR = 4
"""Steps of 255 by which a colour may differ after it was rounded three times."""


def bars() -> av.VideoFrame:
    rows = np.zeros((180, BAR * len(COLOURS), 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        rows[:, BAR * number : BAR * (number + 1)] = colour
    return av.VideoFrame.from_ndarray(rows, format="rgb24")


@pytest.mark.parametrize("across", [0, BAR * len(COLOURS) // 2])
@pytest.mark.parametrize("colours", [Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("scale", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("form", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p", "nv12"])
def test_colours_are_the_pictures_own(form: str, scale: ColorRange, colours: Colorspace, across: int) -> None:
    picture = bars().reformat(format=form, dst_colorspace=colours, dst_color_range=scale)
    picture.colorspace, picture.color_range = colours, scale
    shown = Image.open(io.BytesIO(written(picture, across)))
    assert (shown.format, shown.width) == ("JPEG", across or picture.width)
    got = np.asarray(shown.convert("RGB")).astype(int)
    bar = shown.width // len(COLOURS)
    for number, colour in enumerate(COLOURS):
        seen = got[shown.height // 2, bar * number + bar // 2]
        assert np.abs(seen - colour).max() <= NEAR, (colour, seen)


def test_grey_and_odd_sizes_are_pictures_as_well() -> None:
    grey = av.VideoFrame.from_ndarray(np.full((243, 321), 200, np.uint8), format="gray")
    shown = Image.open(io.BytesIO(written(grey)))
    assert shown.size == (321, 243)
    assert np.abs(np.asarray(shown.convert("L")).astype(int) - 200).max() <= NEAR


def test_what_is_too_large_for_a_file_is_told_in_words() -> None:
    with pytest.raises(EncoderError, match="a picture of 70000x16 cannot be written as a file: "):
        written(av.VideoFrame(70_000, 16, "yuv420p"))
