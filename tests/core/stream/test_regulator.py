"""The regulator by itself: figures in, a target out."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.stream.observed import Observed, Reading
from camcast.stream.regulator import BACK, BEHIND, CHANGES, DROPS, GONE, LIMITS, LOOK, PROBE, Change, Regulator

MBIT = 1_000_000
TRIP = 0.05


class Path:
    """A queue with a rate, fed at what the regulator says, read every `LOOK` seconds."""

    def __init__(self, regulator: Regulator, rate: Callable[[float], float]) -> None:
        self.regulator = regulator
        self.rate = rate
        self.now = self.given = self.acked = 0.0
        self.drops = 0
        self.trip = TRIP
        self.answered = 0.0
        self.changes: list[tuple[float, Change]] = []

    def play(self, seconds: float, *, sends: float | None = None, beside: float = 0.0) -> None:
        """`sends`: bit/s really sent, None = the target. `beside`: seconds of somebody else's queue."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += LOOK
            self.given += (self.regulator.target if sends is None else sends) / 8 * LOOK
            rate = self.rate(self.now) / 8
            self.acked = min(self.given, self.acked + rate * LOOK)
            if rate:
                self.trip = TRIP + beside + (self.given - self.acked) / rate
                self.answered = self.now
            waiting = self.now - self.answered + self.trip - TRIP
            change = self.regulator.read(
                Reading(self.now, int(self.given), int(self.acked), self.trip, waiting, self.drops)
            )
            if change is not None:
                self.changes.append((self.now, change))

    @property
    def reasons(self) -> list[str]:
        return [change.reason for _, change in self.changes]


def steady(rate: float) -> Callable[[float], float]:
    return lambda now: rate


def test_it_begins_with_all_and_stays_there_while_the_path_bears_it() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), steady(10 * MBIT))
    path.play(60)
    assert path.regulator.target == 4 * MBIT
    assert path.changes == []


def test_a_thin_path_is_fitted_at_once_and_once() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), lambda now: 10 * MBIT if now < 10 else 2 * MBIT)
    path.play(12.5)
    assert path.reasons[0] == BEHIND
    assert path.changes[0][0] <= 11.5
    assert path.regulator.target < 2 * MBIT
    lowered = [change for change in path.changes if change[1].reason == BEHIND]
    assert len(lowered) <= 2, "down once, and once more where the first look still saw the old path"


def test_once_the_queue_is_gone_it_goes_back_to_what_the_path_bears() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), lambda now: 10 * MBIT if now < 10 else 2 * MBIT)
    path.play(14.5)
    assert BACK in path.reasons
    assert 0.8 * 2 * MBIT <= path.regulator.target <= 2 * MBIT


def test_what_failed_is_tried_again_after_ever_longer() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), lambda now: 10 * MBIT if now < 10 else 2 * MBIT)
    path.play(600)
    failures = [at for at, change in path.changes if change.reason == BEHIND and at > 15]
    gaps = [later - earlier for earlier, later in itertools.pairwise(failures) if later - earlier > 3]
    assert gaps[-1] > 60
    assert gaps == sorted(gaps)


def test_a_path_with_room_is_climbed_in_growing_steps() -> None:
    path = Path(Regulator(MBIT // 2, 8 * MBIT), lambda now: MBIT if 5 < now < 30 else 20 * MBIT)
    path.play(80)
    assert path.regulator.target == 8 * MBIT
    steps = [change.target for at, change in path.changes if at > 30 and change.reason == PROBE]
    assert len(steps) <= 8


def test_a_cut_is_no_thin_path_and_over_when_it_is_over() -> None:
    path = Path(Regulator(MBIT // 4, 4 * MBIT), lambda now: 0 if 20 < now < 26 else 10 * MBIT)
    path.play(25.5)
    assert path.reasons.count(GONE) == 1
    assert len(path.changes) <= 2
    path.play(40)
    assert path.regulator.target == 4 * MBIT


def test_pictures_left_out_are_reason_enough() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), steady(3.5 * MBIT))
    path.play(1.75)
    path.drops = 5
    path.play(LOOK)
    assert path.reasons == [DROPS]


def test_an_encoder_that_sends_less_than_it_may_gets_no_more() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), lambda now: MBIT if 5 < now < 20 else 20 * MBIT)
    path.play(20)
    low = path.regulator.target
    path.play(60, sends=0.2 * MBIT)
    assert path.regulator.target == pytest.approx(low, rel=0.2)


def test_somebody_elses_queue_is_given_way_to_once() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), steady(10 * MBIT))
    path.play(20)
    path.play(30, beside=0.4)
    assert path.reasons.count(BEHIND) == 1
    path.play(20)
    assert path.regulator.target == 4 * MBIT


def test_other_limits_hold_at_once() -> None:
    regulator = Regulator(MBIT // 2, 4 * MBIT)
    assert regulator.limit(MBIT, 2 * MBIT) == Change(2 * MBIT, LIMITS, 0.0)
    assert regulator.limit(MBIT, 3 * MBIT) is None
    assert regulator.target == 2 * MBIT


def test_another_attempt_keeps_the_target() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), steady(MBIT))
    path.play(10)
    low = path.regulator.target
    path.regulator.begin(0.2)
    assert path.regulator.target == low < MBIT


@pytest.mark.parametrize("every", [1.0, 2.5, 5.0])
def test_reports_that_come_seldom_are_no_silence_and_no_queue(every: float) -> None:
    """As a receiver of RTP sends them: all arrives at once, and that is told now and then."""
    regulator = Regulator(MBIT // 2, 4 * MBIT)
    regulator.begin(TRIP)
    reported, at = 0, 0.0
    for number in range(1, 400):
        now = number * LOOK
        if now - at >= every:
            reported, at = (number - 1) * 125_000, now
        assert regulator.read(Reading(now, number * 125_000, reported, TRIP, now - at + TRIP, 0)) is None
    assert regulator.target == 4 * MBIT


def test_pictures_that_come_seldom_are_followed_all_the_same() -> None:
    """One a second: nothing waits in between."""
    regulator = Regulator(MBIT // 2, 4 * MBIT)
    regulator.begin(TRIP)
    given_bytes = acked = 0
    for number in range(1, 200):
        if number % 4 == 0:
            given_bytes += 500_000
        acked = given_bytes if number < 100 else min(given_bytes, acked + 30_000)
        late = (given_bytes - acked) / 120_000
        regulator.read(Reading(number * LOOK, given_bytes, acked, TRIP + late, late, 0))
    assert regulator.target < 2 * MBIT


FIGURES = st.tuples(
    st.floats(0.01, 3.0),
    st.integers(0, 2_000_000),
    st.floats(0, 1),
    st.floats(0, 20),
    st.floats(0, 40),
    st.integers(0, 9),
)


@given(st.lists(FIGURES, max_size=400), st.integers(1, 5_000_000), st.integers(0, 20_000_000), st.integers(0, 500_000))
@settings(max_examples=200, deadline=None)
def test_whatever_it_is_told_it_keeps_its_limits(
    figures: list[tuple[float, int, float, float, float, int]], least: int, more: int, beside: int
) -> None:
    regulator = Regulator(least, least + more, beside)
    now, given_bytes, acked, drops = 0.0, 0, 0, 0
    times = []
    for wait, size, share, trip, waiting, left_out in figures:
        now += wait
        given_bytes += size
        acked += int((given_bytes - acked) * share)
        drops += left_out
        before = regulator.target
        change = regulator.read(Reading(now, given_bytes, acked, trip, waiting, drops))
        assert least <= regulator.target <= least + more
        assert (change is not None) == (regulator.target != before)
        if change is not None:
            assert change.target == regulator.target
            times.append(now)
    assert all(sum(at <= other < at + 60 for other in times) <= CHANGES for at in times)


def test_a_path_that_bears_less_than_the_least_gets_the_least_and_one_that_bears_more_the_most() -> None:
    least, most = MBIT // 2, 4 * MBIT
    path = Path(Regulator(least, most), lambda now: MBIT // 10 if 10 < now < 40 else 50 * MBIT)
    path.play(40)
    assert path.regulator.target == least
    path.play(200)
    assert path.regulator.target == most
    assert {change.target for _, change in path.changes} <= set(range(least, most + 1))


@pytest.mark.parametrize(("period", "low", "high"), [(3, 0.3, 30), (6, 1, 5)])
def test_a_path_that_swings_does_not_shake_the_encoder(period: int, low: float, high: float) -> None:
    path = Path(Regulator(MBIT // 20, 20 * MBIT), lambda now: (low if int(now / period) % 2 else high) * MBIT)
    path.play(240)
    times = [at for at, _ in path.changes]
    assert max(sum(at <= other < at + 60 for other in times) for at in times) <= CHANGES


def test_a_still_picture_says_nothing_of_the_path_and_earns_no_step() -> None:
    path = Path(Regulator(MBIT // 2, 4 * MBIT), lambda now: MBIT if 5 < now < 20 else 20 * MBIT)
    path.play(20)
    low = path.regulator.target
    path.play(30, sends=0.4 * low)
    assert PROBE not in [change.reason for at, change in path.changes if at > 20]
    path.play(60, sends=0.8 * low)
    assert PROBE in [change.reason for at, change in path.changes if at > 50]


def test_a_keyframe_is_no_queue() -> None:
    """Every two seconds everything is 0.4 s late for a moment."""
    seen = Observed()
    seen.begin(TRIP)
    for number in range(200):
        late = 0.4 if number % 8 == 0 else 0.1 if number % 8 == 1 else 0.0
        at = number * LOOK
        seen.add(Reading(at, number * 50_000, number * 50_000 - int(late * 200_000), TRIP + late, late, 0))
        assert number < 2 or seen.queue < 0.12
        assert not seen.grows
