"""How far apart pictures usually are, and from when on a missing one is remarkable."""

from __future__ import annotations

import pytest

from camcast.stream.pace import PATIENCE, Pace


def watched(*pictures: tuple[int, int]) -> Pace:
    pace = Pace()
    for count, time in pictures:
        pace.see(count, time)
    return pace


def test_before_anything_is_known_patience_is_two_seconds() -> None:
    pace = Pace()
    assert pace.overdue(1.99) == 0
    assert pace.overdue(5.0) == pytest.approx(3.0)
    pace.see(2, 60_000)
    assert pace.overdue(5.0) == pytest.approx(3.0), "one look says nothing of the distance"


def test_the_usual_distance_is_learnt_from_what_came() -> None:
    pace = watched((100, 4000), (125, 5000), (150, 6000))
    assert pace.usual == pytest.approx(0.04)
    assert pace.overdue(5.0) == pytest.approx(5.0 - PATIENCE)


def test_a_camera_of_one_picture_in_three_seconds_is_not_overdue_after_ten() -> None:
    pace = watched(*((number, 3000 * number) for number in range(10)))
    assert pace.usual == pytest.approx(3.0)
    assert pace.overdue(11.9) == 0
    assert pace.overdue(15.0) == pytest.approx(3.0)


def test_looks_without_pictures_between_them_change_nothing() -> None:
    pace = watched((0, 0), (1, 3000), (1, 3000), (1, 3000), (2, 6000))
    assert pace.usual == pytest.approx(3.0)


def test_one_pause_is_no_habit() -> None:
    pace = watched((0, 0), (25, 1000), (26, 31_000))
    assert pace.usual == pytest.approx(0.08)
    assert pace.overdue(3.0) == pytest.approx(1.0)


def test_a_stream_that_slows_down_for_good_is_learnt_within_some_pictures() -> None:
    pace = watched((0, 0), (25, 1000), *((25 + number, 1000 + 4000 * number) for number in range(1, 9)))
    assert pace.usual == pytest.approx(4.0)


def test_of_a_stream_that_varies_the_slow_times_count() -> None:
    """25 pictures a second while something moves, one a second otherwise."""
    pace, count, time = Pace(), 0, 0
    for _ in range(10):
        for _ in range(8):
            count, time = count + 1, time + 1000
            pace.see(count, time)
        for _ in range(4):
            count, time = count + 25, time + 1000
            pace.see(count, time)
    assert pace.usual > 0.6
    assert pace.overdue(2.4) == 0


@pytest.mark.parametrize(
    ("again", "after"),
    [((3, 41_500), (28, 42_500)), ((1030, 500), (1055, 1500)), ((0, 0), (25, 1000))],
    ids=["count", "time", "both"],
)
def test_a_counter_that_began_anew_teaches_nothing(again: tuple[int, int], after: tuple[int, int]) -> None:
    pace = watched((1000, 40_000), (1025, 41_000), again)
    assert pace.usual == pytest.approx(0.04)
    pace.see(*after)
    assert pace.usual == pytest.approx(0.04)


def test_a_stream_that_becomes_quick_for_good_is_learnt_within_a_minute_of_looks() -> None:
    pace = watched((0, 0), (1, 4000), *((1 + 25 * number, 4000 + 1000 * number) for number in range(1, 61)))
    assert pace.usual < 0.06
    assert pace.overdue(2.5) == pytest.approx(0.5)
