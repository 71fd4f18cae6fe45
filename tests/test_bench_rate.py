"""The pace of a track: exact for an even one, right for one that drifts, and no other for frames left out."""

from __future__ import annotations

import pytest
from bench.rate import START, Rate

LENGTH = 1024 / 48


def pace(times: list[float]) -> float:
    rate = Rate()
    for time in times:
        rate.add(START + round(time))
    return rate.slope


@pytest.mark.parametrize("length", [40.0, LENGTH, 40.004])
def test_the_pace_of_an_even_track(length: float) -> None:
    assert pace([number * length for number in range(1125)]) == pytest.approx(length, abs=1e-4)


def test_what_the_camera_left_out_is_no_drift() -> None:
    whole = [number * 40.0 for number in range(1125)]
    assert pace(whole[:500] + whole[501:]) == pytest.approx(40.0, abs=1e-4)
    assert pace(whole[:500] + whole[530:]) == pytest.approx(40.0, abs=1e-4)


def test_a_clock_that_runs_fast_is_seen_beside_what_was_left_out() -> None:
    fast = [number * 40.04 for number in range(1125)]
    assert pace(fast[:500] + fast[501:]) == pytest.approx(40.04, abs=1e-3)


def test_the_squeezed_beginning_does_not_count() -> None:
    rate = Rate()
    for number in range(10):
        rate.add(number)
    assert (rate.count, rate.slope) == (0, 0.0)
