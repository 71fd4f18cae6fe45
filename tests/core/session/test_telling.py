"""What a session tells: where it is on the air, how long it was not, and its drops."""

from __future__ import annotations

import time

import pytest
from tests.core.session.clock import Clock

from camcast.events import Connected, DropEpisode, Moved, SessionEvent, SessionKey
from camcast.media import MediaKind
from camcast.session.telling import Telling


@pytest.fixture
def clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def events() -> list[SessionEvent]:
    return []


@pytest.fixture
def told(events: list[SessionEvent]) -> Telling:
    return Telling(SessionKey(0, 0, "out"), "cam0_main", events.append)


def moves(events: list[SessionEvent]) -> list[tuple[str, str, str, float]]:
    return [(event.why, event.old, event.new, event.gap) for event in events if isinstance(event, Moved)]


def test_the_first_time_on_the_air_is_no_move(told: Telling, events: list[SessionEvent]) -> None:
    assert not told.on_air(1, "b", took=0.5, why="failover")
    assert [type(event) for event in events] == [Connected]
    assert told.last_index == 1


def test_back_at_the_same_place_is_no_move(told: Telling, events: list[SessionEvent]) -> None:
    told.on_air(0, "a", took=0.5, why="failover")
    told.off_air()
    assert not told.on_air(0, "a", took=0.5, why="failover")
    assert moves(events) == []


def test_a_failover_says_how_long_the_session_was_off_the_air(
    told: Telling, events: list[SessionEvent], clock: Clock
) -> None:
    told.on_air(0, "a", took=0.5, why="failover")
    clock.time += 60
    told.off_air()
    clock.time += 2
    told.off_air()  # a failure on the way: it began before
    clock.time += 3
    assert told.on_air(1, "b", took=0.5, why="failover")
    assert moves(events) == [("failover", "a", "b", 5.0)]


def test_a_gap_begins_with_the_first_picture_that_did_not_arrive(
    told: Telling, events: list[SessionEvent], clock: Clock
) -> None:
    """A stall is noticed after five seconds, and they are part of it."""
    told.on_air(0, "a", took=0.5, why="failover")
    clock.time += 60
    told.off_air(clock.time - 5.0)
    told.off_air()
    clock.time += 0.017
    assert told.on_air(1, "b", took=0.017, why="failover")
    ((_why, _old, _new, gap),) = moves(events)
    assert gap == pytest.approx(5.017)


def test_a_gap_ends_with_the_first_picture(told: Telling, events: list[SessionEvent], clock: Clock) -> None:
    told.on_air(0, "a", took=0.5, why="failover")
    told.off_air()
    clock.time += 2
    assert told.on_air(1, "b", took=0.5, why="failover", begun=False)
    assert moves(events) == []
    clock.time += 3  # it waits for a keyframe
    told.begun()
    told.begun()
    assert moves(events) == [("failover", "a", "b", 5.0)]


def test_a_move_that_comes_to_nothing_is_told_all_the_same(
    told: Telling, events: list[SessionEvent], clock: Clock
) -> None:
    told.on_air(0, "a", took=0.5, why="failover")
    told.off_air()
    told.on_air(1, "b", took=0.5, why="failover", begun=False)
    clock.time += 1
    told.off_air()
    assert moves(events) == [("failover", "a", "b", 1.0)]
    clock.time += 1
    told.on_air(0, "a", took=0.5, why="failover")
    assert moves(events)[1:] == [("failback", "b", "a", 1.0)]


def test_a_failover_to_the_first_is_a_failback(told: Telling, events: list[SessionEvent], clock: Clock) -> None:
    told.on_air(2, "c", took=0.5, why="failover")
    told.off_air()
    told.on_air(0, "a", took=0.5, why="failover")
    assert moves(events) == [("failback", "c", "a", 0.0)]


@pytest.mark.parametrize("why", ["failback", "switch"])
def test_a_planned_move_has_no_gap(told: Telling, events: list[SessionEvent], why: str) -> None:
    told.on_air(1, "b", took=0.5, why="failover")
    assert told.on_air(0, "a", took=0.5, why=why, gap=0.0)
    assert moves(events) == [(why, "b", "a", 0.0)]


def test_a_redirect_moves_within_one_target(told: Telling, events: list[SessionEvent]) -> None:
    told.on_air(0, "a", took=0.5, why="failover")
    assert told.on_air(0, "elsewhere", took=0.5, why="redirect", gap=0.0)
    assert moves(events) == [("redirect", "a", "elsewhere", 0.0)]


def drops(events: list[SessionEvent]) -> list[tuple[int, int, bool]]:
    return [(event.video, event.audio, event.over) for event in events if isinstance(event, DropEpisode)]


def test_drops_are_told_at_once_then_each_second_and_when_they_end(told: Telling, events: list[SessionEvent]) -> None:
    told.drops(over=False)
    assert drops(events) == []
    for kind in (MediaKind.VIDEO, MediaKind.VIDEO, MediaKind.AUDIO):
        told.dropped(kind)
    assert drops(events) == [(1, 0, False)]
    told.drops(over=False)
    told.dropped(MediaKind.VIDEO)
    told.drops(over=False)
    told.drops(over=False)
    assert drops(events)[1:] == [(2, 1, False), (3, 1, False), (3, 1, True)]
    told.dropped(MediaKind.VIDEO)
    assert drops(events)[-1] == (1, 0, False)


def test_off_the_air_an_episode_is_over(told: Telling, events: list[SessionEvent]) -> None:
    told.dropped(MediaKind.VIDEO)
    told.off_air()
    assert drops(events) == [(1, 0, False), (1, 0, True)]
