"""Ticks of an encoder: one step a frame, holes where frames are missing, and the exact timestamps back."""

from __future__ import annotations

from fractions import Fraction

import pytest

from camcast.pyav.ticks import Ticks

RATE = Fraction(25)
FRAME = 40_000_000


def test_frames_in_time_are_one_tick_apart_and_holes_are_kept() -> None:
    ticks = Ticks(RATE, 50)
    assert [ticks.take(number * FRAME, 0) for number in (0, 1, 2, 5, 6)] == [0, 1, 2, 5, 6]


def test_frames_that_come_too_close_have_ticks_of_their_own() -> None:
    ticks = Ticks(RATE, 50)
    assert [ticks.take(pts, 0) for pts in (0, 1, 2, -FRAME, 2 * FRAME)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("jump", [51, 10_000, -100])
def test_a_jump_of_the_clock_is_one_step(jump: int) -> None:
    ticks = Ticks(RATE, 50)
    ticks.take(0, 0)
    assert [ticks.take(jump * FRAME, 0), ticks.take((jump + 1) * FRAME, 0)] == [1, 2]
    assert ticks.times(1, 1) == (jump * FRAME, jump * FRAME, 0), "the timestamp is the frame's own all the same"


def test_timestamps_come_back_as_they_went_in() -> None:
    ticks = Ticks(RATE, 50)
    for number, pts in enumerate((7, FRAME + 3, 2 * FRAME - 5)):
        ticks.take(pts, 100 + number)
    assert [ticks.times(tick, tick) for tick in (0, 1, 2)] == [
        (7, 7, 100),
        (FRAME + 3, FRAME + 3, 101),
        (2 * FRAME - 5, 2 * FRAME - 5, 102),
    ]
    assert ticks.times(None, None) == (2 * FRAME - 5, 2 * FRAME - 5, 102), "without a tick it is the last frame's"


def test_ticks_before_the_first_frame_are_reckoned_back() -> None:
    """An encoder with B-frames decodes its first pictures before they were there."""
    ticks = Ticks(RATE, 50)
    for number in range(4):
        ticks.take(number * FRAME, number)
    decoded = [ticks.times(shown, dts)[:2] for shown, dts in ((0, -2), (3, -1), (1, 0), (2, 1))]
    assert decoded == [(-2 * FRAME, 0), (-FRAME, 3 * FRAME), (0, FRAME), (FRAME, 2 * FRAME)]


def test_decode_times_go_on_and_are_never_later_than_the_picture() -> None:
    ticks = Ticks(RATE, 50)
    for number in range(3):
        ticks.take(number * FRAME, 0)
    assert ticks.times(0, 2)[0] == 0, "not later than the picture is shown"
    assert ticks.times(1, 0)[0] == 1, "and not the same twice"


def test_only_so_many_frames_are_remembered() -> None:
    ticks = Ticks(RATE, 50)
    for number in range(2000):
        ticks.take(number * FRAME, number)
    assert ticks.times(1999, 1999)[1:] == (1999 * FRAME, 1999)
    assert ticks.times(0, 0)[1:] == (0, 2000 - 1024), "reckoned back from the oldest known"
