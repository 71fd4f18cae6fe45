"""How fast an SRT link is fed: against a simulated link, window by window."""

from __future__ import annotations

import attrs
import pytest

from camcast_srt.pace import ENOUGH, LONG, MUCH, NO_USE, ONCE, ROOM, WINDOW, Counts, Pace, Turns, arrived

PAYLOAD = 1000
STREAM = 250.0
"""Packets a second of the stream."""


@attrs.define
class Link:
    """`carries` so many packets a second of those that are offered and not lost at random; the rest is reported lost,
    or waits in a queue of `holds` seconds."""

    carries: float = 1000.0
    loses: float = 0.0
    holds: float = 0.0
    longer: float = 0.0
    """Seconds that the way takes more than at first, and than the latency covers."""
    away: bool = False
    seems: float = 0.0
    """Packets a second that libsrt takes it to carry; 0 = it does not know."""
    stream: float = STREAM
    pace: Pace = attrs.field(factory=lambda: Pace(PAYLOAD))
    now: float = 0.0
    sent: float = 0.0
    lost: float = 0.0
    queued: float = 0.0
    answers: int = 0
    missed: float = 0.0
    """Lost while the link was away, of which is told when it is back."""
    delays: list[tuple[float, float]] = attrs.field(factory=list)
    """When something was sent, and how long it will have waited when it arrives."""
    shares: list[float] = attrs.field(factory=list)
    limits: list[float | None] = attrs.field(factory=list)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / WINDOW)):
            self.now += WINDOW
            limit = None if self.pace.limit is None else self.pace.limit / PAYLOAD
            offered = (self.stream if limit is None else min(self.stream, limit)) * WINDOW
            self.sent += offered
            if self.away:
                # libsrt gives up what is older than a second.
                self.missed = min(self.missed + offered, self.stream)
            else:
                self.answers += 1
                self.lost += self.missed
                self.missed = 0.0
                room = self.carries * WINDOW
                self.queued += offered * (1 - self.loses)
                self.lost += offered * self.loses
                self.queued -= min(room, self.queued)
                over = max(0.0, self.queued - self.holds * self.carries)
                self.lost += over / ONCE  # where it is full what is sent again is lost again
                self.queued -= over
            under_way = self.queued + self.missed
            self.delays.append((self.now, self.longer + (self.queued / self.carries if self.holds else 0.0)))
            late = self._seen()
            late = 1.0 if self.missed >= self.stream else late
            counts = Counts(
                round(self.sent),
                round(self.lost),
                round(under_way),
                self.answers,
                late,
                late,
                handed=round(self.sent * PAYLOAD),
                carries=self.seems * PAYLOAD,
            )
            assert self.pace.due(self.now)
            self.pace.look(counts, limit is not None and self.stream > limit, self.now)
            self.shares.append(self.pace.share)
            self.limits.append(self.pace.limit)
            assert not self.pace.due(self.now + WINDOW / 2)

    def _seen(self) -> float:
        """What waited as long as is known by now."""
        at, delay = 0.0, 0.0
        for later, longer in self.delays:
            if later + longer > self.now:
                part = (self.now - at - delay) / (later + longer - at - delay)
                return delay + part * (longer - delay)
            at, delay = later, longer
        return delay

    @property
    def limit(self) -> float | None:
        """Packets a second."""
        return None if self.pace.limit is None else self.pace.limit / PAYLOAD


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_a_thin_link_gets_what_it_carries(part: float) -> None:
    link = Link(carries=part * STREAM)
    link.run(ENOUGH * WINDOW)
    assert link.limit is None, "the first look has nothing to compare with"
    link.run(2 * WINDOW)
    assert link.limit is not None
    assert 0.8 * part * STREAM < link.limit < part * STREAM
    link.run(120.0)
    # It tries more again and again, and then a part is lost for a moment.
    steady = link.limits[len(link.limits) // 2 :]
    assert all(limit is not None and 0.5 < limit / PAYLOAD / (part * STREAM) < 1.5 for limit in steady)
    assert sum(share >= MUCH for share in link.shares[-200:]) < 10
    assert not link.pace.impaired


def test_a_link_that_is_wide_again_is_given_everything_again() -> None:
    link = Link(carries=0.3 * STREAM)
    link.run(20.0)
    assert link.limit is not None
    link.carries = 10 * STREAM
    link.run(60.0)
    assert link.limit is None
    assert set(link.shares[-40:]) == {0.0}


@pytest.mark.parametrize("seconds", [1.5, 4.5])
def test_a_time_without_link_changes_nothing(seconds: float) -> None:
    link = Link()
    link.run(5.0)
    link.away = True
    link.run(seconds)
    link.away = False
    link.run(5.0)
    assert max(link.shares) == 1.0
    assert set(link.limits) == {None}
    assert not link.pace.impaired


@pytest.mark.parametrize("seems", [1.05 * STREAM, 100 * STREAM])
def test_a_link_that_seems_to_carry_its_stream_is_left_alone_for_longer(seems: float) -> None:
    """What is lost because all that was lost is sent again at once is over by then."""
    link = Link(carries=0.5 * STREAM, seems=seems)
    link.run(LONG * WINDOW)
    assert set(link.limits) == {None}
    assert link.pace.impaired
    assert not link.pace.certain
    link.run(2 * WINDOW)
    assert link.limit is not None
    assert 0.8 * link.carries < link.limit < link.carries


def test_a_thin_link_gets_what_libsrt_takes_it_to_carry() -> None:
    """What is lost over and over makes it seem to carry less."""
    link = Link(carries=0.2 * STREAM, seems=0.6 * STREAM)
    link.run((ENOUGH + 1) * WINDOW)
    assert link.limit == pytest.approx(ROOM * link.seems)
    # Where that was too much it shows.
    link.run(30.0)
    assert link.limit is not None
    assert link.limit < 1.3 * link.carries
    assert not link.pace.impaired


def test_a_moment_without_link_makes_no_pace_lower() -> None:
    link = Link(carries=0.7 * STREAM)
    link.run(10.0)
    assert link.limit is not None
    link.away = True
    link.run(1.0)
    link.away = False
    link.run(3.0)
    assert max(link.shares[-10:]) == 1.0
    assert link.limit is not None
    assert link.limit > 0.85 * link.carries


def test_what_can_be_made_good_changes_nothing() -> None:
    link = Link(loses=0.1)
    link.run(60.0)
    assert set(link.limits) == {None}
    assert not link.pace.impaired


def test_a_link_that_merely_loses_is_not_held_back_for_it() -> None:
    """It loses as many at any pace. That the receiver can hardly show anything is still so."""
    link = Link(loses=0.4)
    link.run(30.0)
    held = [limit for limit in link.limits if limit is not None]
    assert 0 < len(held) * WINDOW <= 5.0
    assert link.limit is None
    assert link.pace.impaired
    link.loses = 0.0
    link.run(1.0)
    assert not link.pace.impaired


@pytest.mark.parametrize("loses", [0.04, 0.08, 0.12])
def test_a_link_that_always_loses_some_is_not_held_back_for_it(loses: float) -> None:
    """Once it was too thin for a while, what it loses at any pace must not make it slower and slower."""
    link = Link(loses=loses)
    link.run(10.0)
    link.carries = 0.5 * STREAM
    link.run(20.0)
    held = [limit / PAYLOAD for limit in link.limits if limit is not None]
    assert link.limit is not None
    assert min(held) > 0.5 * link.carries
    link.carries = 10 * STREAM
    link.run(90.0)
    assert link.limit is None


def test_a_long_queue_is_seen_and_becomes_empty() -> None:
    link = Link(carries=0.5 * STREAM, holds=10.0)
    link.run((ENOUGH + 2) * WINDOW)
    assert link.pace.queued
    assert link.pace.impaired
    assert link.limit is not None
    assert link.limit < 0.4 * STREAM
    assert max(link.shares) == 0.0
    link.run(10.0)
    assert link.queued / link.carries < 1.0
    assert not link.pace.impaired
    # Then it is given more, up to what it carries.
    link.run(30.0)
    steady = [limit for limit in link.limits[-40:] if limit is not None]
    assert sum(steady) / len(steady) / PAYLOAD > 0.5 * link.carries


@pytest.mark.parametrize("part", [0.15, 0.3, 0.6, 0.9])
def test_an_emptied_link_gets_at_once_what_it_was_seen_to_carry(part: float) -> None:
    link = Link(carries=part * STREAM, holds=30.0)
    while not link.pace.queued:
        link.run(WINDOW)
    link.run((ENOUGH + 1) * WINDOW)
    while link.pace.queued:
        link.run(WINDOW)
        assert not link.pace.lasting
    assert link.now < 45.0
    link.run(3 * WINDOW)
    assert link.limit is not None
    assert 0.75 * link.carries < link.limit < link.carries
    link.run(60.0)
    assert not link.pace.lasting


@pytest.mark.parametrize("longer", [0.3, 1.0])
def test_what_stays_as_late_however_little_is_sent_needs_a_new_connection(longer: float) -> None:
    """The way has become longer than the latency covers: the receiver throws everything away."""
    link = Link(holds=10.0)
    link.run(10.0)
    link.longer = longer
    began = link.now
    while not link.pace.lasting:
        assert link.now < began + 12.0
        link.run(WINDOW)
    assert link.pace.impaired
    assert max(link.shares) == 0.0


def test_others_who_fill_the_way_for_a_while_are_no_longer_way() -> None:
    link = Link(holds=10.0)
    link.run(10.0)
    for seconds in (0.5, 1.0, 1.5, 1.0, 0.5, 0.0):
        link.longer = seconds
        link.run(2.0)
    assert not link.pace.lasting
    link.run(60.0)
    assert link.limit is None


def test_one_window_of_losses_behind_a_long_queue_does_not_end_the_pace() -> None:
    """What was late says nothing of losses at a lower pace."""
    link = Link(carries=0.2 * STREAM, holds=30.0)
    link.run((2 * ENOUGH + 2) * WINDOW)
    assert link.pace.queued
    held = link.limit
    assert held is not None
    link.loses = 0.4
    link.run(WINDOW)
    assert link.shares[-1] >= MUCH
    assert link.limit is not None
    assert link.limit <= held


def test_what_was_of_no_use_once_is_not_held_against_the_next_time() -> None:
    link = Link(carries=0.5 * STREAM)
    link.run((ENOUGH + 1) * WINDOW)
    assert link.limit is not None
    link.loses = 0.4
    link.run((NO_USE - 1) * WINDOW)
    assert link.limit is not None
    # Hardly anything has to go there for a while, so that nothing waits, and no pace is needed.
    link.carries, link.loses, link.stream = 10 * STREAM, 0.0, 10.0
    link.run(30.0)
    assert link.limit is None
    link.carries, link.stream = 0.5 * STREAM, STREAM
    link.run(ENOUGH * WINDOW)
    assert link.limit is not None
    link.loses = 0.4
    link.run(2 * WINDOW)
    assert link.limit is not None


def test_what_is_late_because_nobody_answers_is_no_queue() -> None:
    """libsrt gives it up after a second, so that no more is under way than before."""
    pace = Pace(PAYLOAD)
    for number in range(20):
        pace.look(Counts(100 * number, 0, 200, late=1.0), False, number * WINDOW)
    assert not pace.queued
    assert pace.limit is None


def test_nothing_sent_is_nothing_lost() -> None:
    pace = Pace(PAYLOAD)
    for number in range(20):
        pace.look(Counts(1000, 900, 0, answers=number, late=5.0), False, number * WINDOW)
    assert not pace.impaired
    assert pace.limit is None


def test_a_pause_is_no_part_of_what_a_link_carries() -> None:
    """As where a whole group of pictures is left out: nothing is sent meanwhile, and nothing is measured."""
    link = Link(carries=0.5 * STREAM)
    link.run((ENOUGH - 2) * WINDOW)
    assert link.shares[-1] >= MUCH
    link.stream = 0.0
    link.run(30.0)
    link.stream = STREAM
    link.run(ENOUGH * WINDOW)
    assert link.limit is not None
    assert 0.8 * link.carries < link.limit < link.carries


def test_turns_are_as_many_bytes_a_second_in_small_bursts() -> None:
    turns, taken, now = Turns(), [], 100.0
    for _ in range(2000):
        now += 0.001
        while turns.take(1000, 100_000.0, now):
            taken.append(now)
    assert len(taken) == pytest.approx(200, abs=6)
    assert max(sum(at <= one < at + 0.05 for one in taken) for at in taken) <= 11
    # However small the pace, a payload goes when its time has come.
    slow = Turns()
    slow.take(1000, 100.0, 0.0)
    assert not slow.take(1000, 100.0, 5.0)
    assert slow.take(1000, 100.0, 11.0)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(sent=1000, lost=0, under_way=50), 950),
        (Counts(sent=1000, lost=1000, under_way=0), 300),
        (Counts(sent=1500, lost=1100, under_way=700), 389),
        (Counts(sent=100, lost=300, under_way=0), 0),
        (Counts(sent=0, lost=0, under_way=0), 0),
    ],
)
def test_what_libsrt_counts_twice_is_not_missing_twice(counts: Counts, expected: int) -> None:
    """What was lost is under way for libsrt until it is made good, and is reported again each time round."""
    assert arrived(Counts(0, 0, 0), counts) == expected


def test_over_a_long_way_more_losses_in_a_row_are_no_thin_link() -> None:
    """As much as was under way while it was gone is sent again, all at once, and may be lost once more."""
    pace, windows = Pace(PAYLOAD), 0
    while not pace.impaired:
        windows += 1
        sent = round(windows * STREAM * WINDOW)
        pace.look(Counts(sent, sent // 2, 0, windows, covers=4.0), False, windows * WINDOW)
    assert (windows - 1) * WINDOW == 4.0
