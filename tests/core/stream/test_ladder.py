"""The ladder by itself: figures in, a rung out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camcast.stream.ladder import AWAITED, CALM, CLIMBS, FAILED, HOLD, MAX_HOLD, OTHER, TOP, Ladder, Part, Rung, Step
from camcast.stream.observed import Reading
from camcast.stream.regulator import BEHIND, DROPS, EASY, LATE, LOOK, MINUTE

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

    def __init__(
        self, rate: Callable[[float], float], rungs: Sequence[Rung] = RUNGS, awaits: float = 0.5, bound: float = BOUND
    ) -> None:
        self.ladder = Ladder(SOUND)
        self.ladder.begin()
        self.rate = rate
        self.rungs = list(rungs)
        self.awaits = awaits
        self.bound = bound
        self.extra = 0.0
        """Seconds that others' queues take."""
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
            if (self.given - self.acked) / rate > self.bound:
                self.drops += 1
                fresh = SOUND / 8 * LOOK
            self.given += fresh
            self.acked = min(self.given, self.acked + rate * LOOK)
            late = (self.given - self.acked) / rate + self.extra
            reading = Reading(self.now, int(self.given), int(self.acked), TRIP + late, late, self.drops)
            step = self.ladder.read(reading, self.rungs, GONE)
            if step is not None:
                self.steps.append((self.now, step))

    def play_until(self, reached: Callable[[], bool], seconds: float = 300) -> None:
        end = self.now + seconds
        while not reached():
            assert self.now < end
            self.play(LOOK)

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
    longest = 0.0
    while path.now < 600:
        path.play(LOOK)
        longest = max((longest, *path.ladder.holds.values()))
    assert 0 < longest <= 4 * HOLD


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


def test_a_step_that_never_takes_effect_does_not_end_it() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT, awaits=1000)
    path.play(30)
    (first, _), (second, step), *_ = path.steps
    assert AWAITED <= second - first < 2 * AWAITED
    assert step.to == KEYFRAMES


def test_what_an_attempt_sends_before_its_step_takes_effect_says_nothing_of_the_step() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT)
    path.play(70)
    path.play_until(lambda: path.ladder.at == RUNGS[2])
    path.play(4)
    # A new connection sends everything, until a keyframe of the other stream.
    path.ladder.begin()
    path.given = path.acked = 0.0
    path.sends, path.awaits, begun = RUNGS[0], 1000, len(path.steps)
    path.play(AWAITED - 1)
    assert path.to()[begun:] == []


def test_what_fits_leaves_room_for_sound_and_for_what_is_uneven() -> None:
    tight = Rung("sub", Part.ALL, 0.65 * MBIT)
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT, [RUNGS[0], tight, KEYFRAMES])
    path.play(14)
    assert path.to() == [KEYFRAMES]


@pytest.mark.parametrize(("drops", "reason"), [(1, DROPS), (0, None)])
def test_pictures_that_are_left_out_make_a_small_queue_a_large_one(drops: int, reason: str | None) -> None:
    ladder, late = Ladder(SOUND), 0.5 * (EASY + LATE)
    ladder.begin(TRIP)
    told = set()
    for look in range(round(20 / LOOK)):
        now, waits = look * LOOK, late if look > 40 else 0.0
        given = now * MBIT / 8
        acked = max(0.0, given - waits * MBIT / 8)
        reading = Reading(now, int(given), int(acked), TRIP + waits, TRIP + waits, drops * max(0, look - 40))
        step = ladder.read(reading, RUNGS)
        told.add(step.reason if step is not None else None)
        ladder.settled(now)
    assert told - {None} == ({reason} if reason else set())


@pytest.mark.parametrize(("late", "drops"), [(0.5 * (EASY + LATE), 0), (0.0, 1)])
def test_nothing_more_is_tried_while_a_little_is_wrong(late: float, drops: int) -> None:
    ladder = Ladder(SOUND)
    ladder.begin(TRIP)
    ladder.at = RUNGS[2]
    for look in range(round(60 / LOOK)):
        now = look * LOOK
        given = int(now * 0.5 * MBIT / 8)
        waits = int(late * 0.5 * MBIT / 8)
        reading = Reading(now, given, max(0, given - waits), TRIP + late, TRIP + late, drops * look)
        assert ladder.read(reading, RUNGS) is None


def test_a_queue_that_others_make_is_the_way_from_then_on() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.8 * MBIT)
    path.play_until(lambda: bool(path.steps))
    path.rate = lambda now: 5 * MBIT
    path.extra = 0.6
    path.play(30)
    assert path.to()[:2] == [RUNGS[2], RUNGS[1]]
    assert path.steps[1][1].reason == CALM


def test_a_link_that_suddenly_bears_next_to_nothing_is_left_within_a_second() -> None:
    path = Path(lambda now: 5 * MBIT if now < 10 else 0.5 * MBIT, bound=100)
    path.play(13)
    (at, step), *_ = path.steps
    assert at - 10 <= 1.0
    assert step.to == KEYFRAMES


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


def test_what_went_well_for_long_waits_the_usual_time_again() -> None:
    """Its earlier failures are forgotten, so that it is not punished for a bad hour all day."""
    path = Path(lambda now: 1.0 * MBIT if now < 200 else 5 * MBIT)
    path.play(200)
    assert max(path.ladder.holds.values()) > 2 * HOLD
    path.play_until(lambda: path.ladder.at == TOP)
    assert path.ladder.holds
    path.play(FAILED + 5)
    assert path.ladder.holds == {}, "of those on the way up, too"


def test_no_more_is_tried_in_a_minute_than_so_much() -> None:
    """A link that changes ten times a minute is not followed up each time."""
    path = Path(lambda now: 0.3 * MBIT if now % 12 < 3 else 5 * MBIT)
    path.play(600)
    ups = [at for at, step in path.steps if step.reason == CALM]
    assert ups
    for at in ups:
        assert sum(at - MINUTE < other < at for other, _ in path.steps) < CLIMBS


# --- for somebody else's need --------------------------------------------------------------------------------


@attrs.define
class Lender:
    """A ladder whose path tells too seldom to go up by it, as over RTP; its uplink allows `allowed` at times."""

    ladder: Ladder = attrs.field(factory=Ladder)
    now: float = 100.0
    allowed: Sequence[Rung] = tuple(RUNGS)
    steps: list[tuple[float, Step]] = attrs.field(factory=list)

    def play(self, seconds: float, reading: Reading | None = None) -> None:
        """Look four times a second; each step takes effect at once."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += LOOK
            step = self.ladder.stay(self.now, self.allowed, NEED)
            if step is not None:
                self.ladder.lent(step.before)
            else:
                step = self.ladder.back(self.now, self.allowed, NEED, reading)
            if step is not None:
                self.steps.append((self.now, step))
                self.ladder.settled(self.now)


NEED = "the uplink's budget"


def test_what_was_lent_comes_back_rung_by_rung_once_it_is_free() -> None:
    lender = Lender()
    lender.play(10)
    lender.allowed = RUNGS[2:]
    lender.play(20)
    assert [step.to for _, step in lender.steps] == [RUNGS[2]]
    lender.allowed, free = RUNGS, lender.now
    lender.play(60)
    assert [step.to for _, step in lender.steps] == [RUNGS[2], RUNGS[1], TOP]
    (first, _), (second, step) = lender.steps[1:]
    assert HOLD <= first - free <= HOLD + 2 * LOOK
    assert HOLD <= second - first <= HOLD + 2 * LOOK
    assert (step.reason, step.bears) == (NEED, 0.0)


def test_what_was_lent_twice_comes_back_to_where_it_was_first() -> None:
    lender = Lender()
    lender.play(1)
    for allowed in (RUNGS[1:], RUNGS[3:]):
        lender.allowed = allowed
        lender.play(1)
    lender.allowed = RUNGS
    lender.play(10 * HOLD)
    assert lender.ladder.at == TOP


def test_nothing_comes_back_beyond_what_was_lent() -> None:
    """Where its own link had taken it down, only its own link takes it up."""
    lender = Lender()
    lender.ladder.at = RUNGS[1]
    lender.play(1)
    lender.allowed = RUNGS[2:]
    lender.play(1)
    lender.allowed = RUNGS
    lender.play(20 * HOLD)
    assert [step.to for _, step in lender.steps] == [RUNGS[2], RUNGS[1]]


def test_a_room_that_comes_and_goes_brings_nothing_back() -> None:
    """Free means free for a while without a break."""
    lender = Lender()
    lender.play(1)
    for _ in range(5):
        lender.allowed = RUNGS[2:]
        lender.play(HOLD)
        lender.allowed = RUNGS
        lender.play(HOLD - 2 * LOOK)
    assert [step.to for _, step in lender.steps] == [RUNGS[2]]


def test_a_path_that_tells_enough_brings_itself_back() -> None:
    """By its own rules, which know of queues."""
    lender = Lender()
    for look in range(20):
        sent = look * 10_000
        lender.ladder.read(Reading(90.0 + look * LOOK, sent, sent, TRIP, 0.0, 0), RUNGS)
    lender.allowed = RUNGS[2:]
    lender.play(1)
    lender.allowed = RUNGS
    lender.play(10 * HOLD, Reading(lender.now, 0, 0, TRIP, 0.0, 0))
    assert [step.to for _, step in lender.steps] == [RUNGS[2]]


def test_what_comes_back_keeps_the_bound_of_steps_too() -> None:
    lender = Lender()
    lender.play(1)
    for _ in range(CLIMBS):
        lender.allowed = RUNGS[1:]
        lender.play(2 * LOOK)
        lender.allowed = RUNGS
        lender.play(HOLD + 3 * LOOK)
    assert all(sum(at <= other < at + MINUTE for other, _ in lender.steps) <= MOST for at, _ in lender.steps)
    assert len(lender.steps) < 2 * CLIMBS


def test_what_its_own_link_took_after_that_is_lent_no_more() -> None:
    """The uplink is free again, and the output's own link has become thin meanwhile: only that brings it back."""
    path = Path(lambda now: 5 * MBIT if now < 20 else 0.3 * MBIT)
    path.play(10)
    step = path.ladder.stay(path.now, RUNGS[1:], NEED)
    assert step is not None
    path.ladder.lent(step.before)
    path.rungs = RUNGS[1:]
    path.play(15)
    assert path.ladder.at == KEYFRAMES
    back = [path.ladder.back(path.now + look * LOOK, RUNGS, NEED, None) for look in range(round(10 * HOLD / LOOK))]
    assert back == [None] * len(back)
