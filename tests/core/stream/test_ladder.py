"""The ladder by itself: figures in, a rung out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.stream.ladder import CALM, CLIMBS, HOLD, MAX_HOLD, OTHER, TOP, Ladder, Part, Rung, Step
from camcast.stream.observed import Reading
from camcast.stream.regulator import BEHIND, DROPS, LOOK, MINUTE

MBIT = 1_000_000
TRIP = 0.05
SOUND = MBIT // 10
KEYFRAMES = Rung("sub", Part.KEYFRAMES, 0.06 * MBIT)
RUNGS = [Rung("", Part.ALL, 2 * MBIT), Rung("", Part.NEEDED, 1.5 * MBIT), Rung("sub", Part.ALL, 0.4 * MBIT), KEYFRAMES]
GONE = "that stream is not there"
MOST = CLIMBS + len(RUNGS) - 1
"""Steps in any minute."""
BOUND = 0.7
"""Seconds of a queue with which pictures are dropped."""


class Path:
    """A queue with a rate, at most a second long, fed with what the ladder says; a step takes effect after `awaits`."""

    def __init__(self, rate: Callable[[float], float], rungs: Sequence[Rung] = RUNGS, awaits: float = 0.5) -> None:
        self.ladder = Ladder(SOUND)
        self.ladder.begin()
        self.rate = rate
        self.rungs = list(rungs)
        self.awaits = awaits
        self.now = self.given = self.acked = 0.0
        self.drops = 0
        self.sends = self.rungs[0]
        self.steps: list[tuple[float, Step]] = []

    def play(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += LOOK
            if self.steps and self.now - self.steps[-1][0] >= self.awaits:
                self.sends = self.ladder.at
                self.ladder.settled(self.now)
            rate = self.rate(self.now) / 8
            fresh = (self.sends.rate + SOUND) / 8 * LOOK
            if (self.given - self.acked) / rate > BOUND:
                self.drops += 1
                fresh = SOUND / 8 * LOOK
            self.given += fresh
            self.acked = min(self.given, self.acked + rate * LOOK)
            late = (self.given - self.acked) / rate
            reading = Reading(self.now, int(self.given), int(self.acked), TRIP + late, late, self.drops)
            step = self.ladder.read(reading, self.rungs, GONE)
            if step is not None:
                self.steps.append((self.now, step))

    def to(self) -> list[Rung]:
        return [step.to for _, step in self.steps]


def test_what_the_link_bears_is_sent_whole() -> None:
    path = Path(lambda now: 5 * MBIT)
    path.play(120)
    assert path.steps == []
    assert (path.ladder.at, str(path.ladder.at)) == (TOP, "")


def test_it_goes_at_once_to_what_fits_and_no_further() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT)
    path.play(14)
    ((at, step),) = path.steps
    assert (step.to, step.before) == (RUNGS[2], TOP)
    assert step.reason in (BEHIND, DROPS)
    assert 10 < at < 12
    assert 0.7 * MBIT < step.bears < 0.9 * MBIT
    assert str(step.to) == "sub"


def test_it_goes_to_keyframes_where_nothing_else_fits() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.3 * MBIT)
    path.play(15)
    assert path.to() == [KEYFRAMES]
    assert str(KEYFRAMES) == "sub, keyframes only"


def test_it_comes_back_rung_by_rung_after_a_wait() -> None:
    path = Path(lambda now: 0.3 * MBIT if 10 < now < 20 else 5 * MBIT)
    path.play(60)
    assert path.to() == [KEYFRAMES, RUNGS[2], RUNGS[1], TOP]
    assert {step.reason for _, step in path.steps[1:]} == {CALM}
    times = [at for at, _ in path.steps[1:]]
    assert all(after - before >= HOLD for before, after in itertools.pairwise(times))


def test_what_fails_is_tried_ever_more_seldom() -> None:
    path = Path(lambda now: 1.0 * MBIT)
    path.play(900)
    tries = [at for at, step in path.steps if step.reason == CALM]
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] > MAX_HOLD
    assert len(path.steps) < 20


def test_what_is_borne_for_long_has_not_failed() -> None:
    path = Path(lambda now: 1.0 * MBIT if now % 100 < 20 else 5 * MBIT)
    path.play(600)
    assert max(path.ladder.holds.values()) <= 4 * HOLD


def test_a_stream_that_is_gone_is_left() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT)
    path.play(15)
    path.rungs = [*RUNGS[:2], Rung("", Part.KEYFRAMES, 0.2 * MBIT)]
    path.play(1)
    assert (path.to()[-1], path.steps[-1][1].reason) == (Rung("", Part.KEYFRAMES), GONE)


def test_only_what_a_queue_had_it_do_says_what_the_link_bears() -> None:
    path = Path(lambda now: 0.8 * MBIT if 10 < now < 14 else 5 * MBIT)
    path.play(15)
    path.rungs = [RUNGS[0], Rung("", Part.KEYFRAMES, 0.2 * MBIT)]
    path.play(30)
    down, gone, *up = [step for _, step in path.steps]
    assert down.bears
    assert (gone.reason, gone.bears) == (GONE, 0)
    assert [(step.reason, step.bears) for step in up] == [(CALM, 0)]


def test_what_vanishes_without_a_word_is_other_settings() -> None:
    ladder = Ladder()
    ladder.at = KEYFRAMES
    step = ladder.read(Reading(1.0, 0, 0, TRIP, 0.0, 0), RUNGS[:2])
    assert step is not None
    assert (step.to, step.reason) == (TOP, OTHER)


def test_an_attempt_that_begins_with_everything_has_it_settled() -> None:
    path = Path(lambda now: 0.8 * MBIT if 10 < now < 14 else 5 * MBIT)
    while path.ladder.at == TOP or path.now < 12:
        path.play(LOOK)
    path.play(4)
    path.awaits = 1000
    while path.ladder.at != TOP:
        path.ladder.settled(path.now)
        path.play(LOOK)
    # The connection is lost before the step up has taken effect, and the next one becomes too thin for everything.
    path.ladder.begin()
    begun, path.sends, path.awaits = path.now, RUNGS[0], 0.5
    path.rate = lambda now: 5 * MBIT if now < begun + 3 else 0.8 * MBIT
    path.steps.clear()
    path.play(6)
    assert path.to() == [RUNGS[2]]
    # It had 3 s of its own on it, as the ladder counts: that is a failure, and the first.
    assert path.ladder.holds == {TOP: 2 * HOLD}


@settings(max_examples=60, deadline=None)
@given(
    rates=st.lists(st.floats(0.1 * MBIT, 6 * MBIT), min_size=1, max_size=8),
    length=st.floats(3, 40),
    awaits=st.floats(0.25, 4),
)
def test_it_never_hunts_whatever_the_link_does(rates: list[float], length: float, awaits: float) -> None:
    path = Path(lambda now: rates[int(now / length) % len(rates)], awaits=awaits)
    path.play(240)
    for at, step in path.steps:
        assert step.to in RUNGS
        assert sum(at <= other < at + MINUTE for other, _ in path.steps) <= MOST
