"""What is told of a gap: from when the camera was last on the air, wherever that was."""

from __future__ import annotations

import pytest

from camcast.fleet.gaps import Gaps


@pytest.fixture
def gaps() -> Gaps:
    """Camera 1 came on the air here at 100."""
    made = Gaps()
    made.begin(1)
    assert made.came(1, 100.0, None) == "on the air here"
    assert made.off == ()
    return made


def test_from_the_last_sign_of_whoever_had_it() -> None:
    gaps = Gaps()
    gaps.elsewhere(1, 100.0)
    gaps.begin(1)
    assert gaps.came(1, 104.5, None) == "on the air here, 4.5 s after its last sign elsewhere"


def test_from_the_end_on_whoever_gave_it() -> None:
    gaps = Gaps()
    gaps.begin(1)
    assert gaps.came(1, 104.5, 103.0) == "on the air here, 1.5 s after its last sign elsewhere"


def test_from_its_end_here(gaps: Gaps) -> None:
    gaps.end(1, 110.0)
    gaps.begin(1)
    assert gaps.came(1, 112.0, None) == "on the air here again, 2.0 s after it ended"


def test_from_when_it_went_off_though_it_ran_on(gaps: Gaps) -> None:
    gaps.lost(1, 120.0)
    gaps.lost(1, 125.0)
    assert gaps.off == (1,)
    assert gaps.came(1, 127.3, None) == "on the air here again, 7.3 s after it went off"


def test_what_its_schedule_wants_is_no_gap(gaps: Gaps) -> None:
    gaps.lost(1, 120.0, wanted=False)
    assert gaps.came(1, 9999.0, None) == "on the air here"


def test_the_later_of_both_counts(gaps: Gaps) -> None:
    gaps.end(1, 110.0)
    gaps.elsewhere(1, 140.0)
    gaps.begin(1)
    assert gaps.came(1, 141.0, None) == "on the air here, 1.0 s after its last sign elsewhere"
    gaps.end(1, 150.0)
    gaps.elsewhere(1, 140.0)
    gaps.begin(1)
    assert gaps.came(1, 151.0, None) == "on the air here again, 1.0 s after it ended"


def test_its_end_here_says_nothing_once_another_has_had_it(gaps: Gaps) -> None:
    gaps.end(1, 110.0)
    gaps.taken(1)
    gaps.begin(1)
    assert gaps.came(1, 999.0, None) == "on the air here"


def test_one_that_never_came_goes_on_with_its_gap() -> None:
    gaps = Gaps()
    gaps.elsewhere(1, 100.0)
    for _ in range(3):
        gaps.begin(1)
        gaps.lost(1, 101.0)
        gaps.end(1, 105.0)
    gaps.begin(1)
    assert gaps.came(1, 110.0, None) == "on the air here, 10.0 s after its last sign elsewhere"
