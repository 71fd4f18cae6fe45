"""The strip survives what happens to pictures on their way: low bitrates, scaling, other formats."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.testing import strip


@given(
    number=st.integers(0, 2**32 - 1),
    wall=st.integers(0, 2**48 - 1),
    width=st.integers(88, 960).map(lambda n: n * 2),
    height=st.integers(72, 540).map(lambda n: n * 2),
)
def test_what_is_written_is_read(number: int, wall: int, width: int, height: int) -> None:
    luma = np.full((height, width), 90, np.uint8)
    strip.write(luma, number, wall)
    assert strip.read(luma) == (number, wall)
    assert (luma[: round(height * strip.TOP) - 1] == 90).all()


def test_numbers_wrap() -> None:
    luma = np.zeros((360, 640), np.uint8)
    strip.write(luma, 2**32 + 5, 7)
    assert strip.read(luma) == (5, 7)


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (704, 576)])
def test_it_survives_a_low_bitrate_and_half_the_size(size: tuple[int, int]) -> None:
    width, height = size
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 30), Fraction(30)
    encoder.bit_rate = 300_000
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "maxrate": "300k", "bufsize": "150k"}
    decoder = av.CodecContext.create("h264", "r")
    rng = np.random.default_rng(1)
    busy = rng.integers(16, 235, (height // 8, width // 8), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    read = size_sent = 0
    for number in range(30):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        moved = np.roll(busy, number * 3, axis=1)
        picture[: moved.shape[0], : moved.shape[1]] = moved
        strip.write(picture[:height], number, 1_700_000_000_000 + number * 33)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        for packet in encoder.encode(frame):
            size_sent += packet.size
            for shown in decoder.decode(packet):
                expected = (shown.pts, 1_700_000_000_000 + shown.pts * 33)  # type: ignore[operator]
                assert strip.read(shown) == expected
                assert strip.read(shown.reformat(width // 2, height // 2)) == expected
                assert strip.read(shown.reformat(width * 3 // 4, height * 3 // 4)) == expected
                assert strip.read(shown.to_ndarray(format="bgr24")) == expected
                assert strip.read(shown.reformat(format="yuv420p10le")) == expected
                read += 1
    assert read == 30
    assert size_sent * 8 < 600_000


def test_pictures_without_a_strip_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert strip.read(np.zeros((360, 640), np.uint8)) is None
    assert strip.read(np.full((360, 640), 255, np.uint8)) is None
    assert strip.read(np.zeros((10, 10), np.uint8)) is None
    assert [strip.read(rng.integers(0, 255, (360, 640), np.uint8)) for _ in range(50)] == [None] * 50
    luma = np.zeros((360, 640), np.uint8)
    strip.write(luma, 1, 2)
    luma[315:330, :20] = 235
    assert strip.read(luma) is None
