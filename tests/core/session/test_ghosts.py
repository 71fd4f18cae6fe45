"""What a loss after the server's agreement means, with a clock in hand."""

from __future__ import annotations

import pytest
from tests.core.session.clock import Clock

from camcast.errors import ErrorClass, NetworkError, RefusedError, TransportError, UnexplainedRefusal
from camcast.session.ghosts import AGREEMENT_WINDOW, FLOWED, GHOST_WINDOW, Ghosts

NAME = "rtmp://host/live/key"


@pytest.fixture
def ghosts(clock: Clock) -> Ghosts:
    return Ghosts(clock)


def closed(*, after_start: bool = True) -> UnexplainedRefusal:
    return UnexplainedRefusal("closed", stage="publish", after_start=after_start)


def lived(ghosts: Ghosts, clock: Clock, seconds: float, name: str = NAME) -> None:
    """`name` was on the air for so long, until now."""
    ghosts.remember(name, clock.time - seconds)


def explain(ghosts: Ghosts, error: TransportError, lasted: float, flowed: float | None = None) -> ErrorClass:
    """The class of a loss `lasted` seconds after the agreement, `flowed` seconds after the first acknowledged media."""
    now = ghosts._now()
    explained = ghosts.explain(error, NAME, now - lasted, None if flowed is None else now - flowed)
    assert str(explained).startswith(str(error))
    return explained.error_class


def dropped_once(ghosts: Ghosts, name: str = NAME) -> None:
    """`name` was closed a moment after the agreement."""
    ghosts.explain(closed(), name)


@pytest.mark.parametrize("lasted", [0.0, 0.5, AGREEMENT_WINDOW])
def test_closed_right_after_the_agreement_is_a_refusal_from_the_second_time_on(ghosts: Ghosts, lasted: float) -> None:
    """Once it may be a server that was just restarted, which is no reason to stay away for half a minute."""
    assert explain(ghosts, closed(), lasted) is ErrorClass.UNEXPLAINED
    assert explain(ghosts, closed(), lasted) is ErrorClass.REFUSED
    assert explain(ghosts, closed(), lasted) is ErrorClass.REFUSED


def test_a_first_time_is_one_again_after_long(ghosts: Ghosts, clock: Clock) -> None:
    dropped_once(ghosts)
    clock.time += GHOST_WINDOW
    assert explain(ghosts, closed(), 0.5) is ErrorClass.UNEXPLAINED


def test_what_was_on_the_air_since_is_not_held_against_a_name(ghosts: Ghosts, clock: Clock) -> None:
    dropped_once(ghosts)
    lived(ghosts, clock, 60.0)
    clock.time += GHOST_WINDOW
    assert explain(ghosts, closed(), 0.5) is ErrorClass.UNEXPLAINED


def test_closed_later_is_the_network(ghosts: Ghosts) -> None:
    assert explain(ghosts, closed(), AGREEMENT_WINDOW + 0.1) is ErrorClass.NETWORK


def test_a_name_that_was_on_the_air_is_busy(ghosts: Ghosts, clock: Clock) -> None:
    lived(ghosts, clock, AGREEMENT_WINDOW + 0.1)
    clock.time += GHOST_WINDOW - 0.1
    assert explain(ghosts, closed(), 0.5) is ErrorClass.BUSY
    assert explain(ghosts, closed(), 2.0, flowed=2.0) is ErrorClass.BUSY


def test_no_ghost_holds_a_name_for_ever(ghosts: Ghosts, clock: Clock) -> None:
    lived(ghosts, clock, 3600.0)
    clock.time += GHOST_WINDOW
    dropped_once(ghosts)
    assert explain(ghosts, closed(), 0.5) is ErrorClass.REFUSED
    assert GHOST_WINDOW == 180.0


def test_another_name_is_not_busy(ghosts: Ghosts, clock: Clock) -> None:
    lived(ghosts, clock, 60.0, "rtmp://host/live/another")
    dropped_once(ghosts, "rtmp://host/live/another")
    assert explain(ghosts, closed(), 0.5) is ErrorClass.UNEXPLAINED
    assert explain(ghosts, closed(), 0.5) is ErrorClass.REFUSED


def test_what_was_refused_was_not_on_the_air(ghosts: Ghosts, clock: Clock) -> None:
    lived(ghosts, clock, AGREEMENT_WINDOW)
    dropped_once(ghosts)
    assert explain(ghosts, closed(), 0.5) is ErrorClass.REFUSED


@pytest.mark.parametrize(
    ("flowed", "wanted"),
    [(None, ErrorClass.REFUSED), (0.9 * FLOWED, ErrorClass.REFUSED), (FLOWED, ErrorClass.UNEXPLAINED)],
)
def test_media_that_flowed_is_no_refusal(ghosts: Ghosts, flowed: float | None, wanted: ErrorClass) -> None:
    """The network may fail in the third second too: it is tried again soon, and the text says what else it may be."""
    dropped_once(ghosts)
    assert explain(ghosts, closed(), 2.5, flowed) is wanted


def test_closed_before_the_attempt_knew_of_the_agreement(ghosts: Ghosts, clock: Clock) -> None:
    """Agreement and end arrive in one piece: what the server said counts, not how far we were."""
    dropped_once(ghosts)
    assert ghosts.explain(closed(), NAME).error_class is ErrorClass.REFUSED
    lived(ghosts, clock, 60.0)
    assert ghosts.explain(closed(), NAME).error_class is ErrorClass.BUSY


def test_without_an_agreement_nothing_is_known(ghosts: Ghosts, clock: Clock) -> None:
    lived(ghosts, clock, 60.0)
    error = closed(after_start=False)
    assert ghosts.explain(error, NAME) is error
    assert ghosts.explain(error, None) is error


@pytest.mark.parametrize("error", [NetworkError("reset"), RefusedError("no")])
def test_what_says_why_is_taken_at_its_word(ghosts: Ghosts, clock: Clock, error: TransportError) -> None:
    lived(ghosts, clock, 60.0)
    assert ghosts.explain(error, NAME, clock.time) is error


def test_names_are_not_remembered_without_end(ghosts: Ghosts, clock: Clock) -> None:
    for number in range(10_000):
        clock.time += 1
        lived(ghosts, clock, 10.0, f"token {number}")
        dropped_once(ghosts, f"other {number}")
    assert len(ghosts._published) <= GHOST_WINDOW + 1
    assert len(ghosts._dropped) <= GHOST_WINDOW + 1
