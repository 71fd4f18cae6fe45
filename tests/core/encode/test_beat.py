"""The beat of a slate: steady, made up for when a little late, and not for a minute in which nothing ran."""

from __future__ import annotations

import pytest

from camcast.encode.beat import LATE, Beat


def test_it_is_steady_whenever_it_is_called() -> None:
    beat, now, numbers = Beat(25.0, 100.0), 100.0, []
    for _ in range(250):
        number, wait = beat.tick(now)
        numbers.append(number)
        now += wait + 0.003  # timers are late
    assert numbers == list(range(250))
    assert now == pytest.approx(110.0, abs=0.01)


def test_what_is_a_little_late_is_made_up_for() -> None:
    beat = Beat(25.0, 0.0)
    beat.tick(0.0)
    made = [beat.tick(LATE) for _ in range(26)]
    assert [number for number, _wait in made] == list(range(1, 27))
    assert [wait for _number, wait in made][:24] == [0.0] * 24
    assert made[-1][1] > 0


def test_a_minute_in_which_nothing_ran_is_no_burst() -> None:
    beat = Beat(25.0, 0.0)
    beat.tick(0.0)
    number, wait = beat.tick(60.0)
    assert number == pytest.approx(60 * 25, abs=1)
    assert beat.tick(60.0 + wait)[0] == number + 1
    assert wait <= 0.08
