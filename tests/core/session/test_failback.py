"""When better targets are tried again, with a clock in hand."""

from __future__ import annotations

from tests.core.session.clock import Clock

from camcast.session.failback import HOUR, Failback

NEVER = float("inf")


def test_a_fallback_is_left_after_a_while_and_looked_at_again_and_again(clock: Clock) -> None:
    failback = Failback(30.0, 12, clock)
    assert failback.due == NEVER
    failback.begin(1, chosen=False)
    assert failback.due == 1030.0
    clock.time = 1035.0
    failback.tried()
    assert failback.due == 1065.0


def test_there_is_nothing_better_than_the_first(clock: Clock) -> None:
    failback = Failback(30.0, 12, clock)
    failback.begin(1, chosen=False)
    failback.begin(0, chosen=False)
    assert failback.due == NEVER
    failback.tried()
    assert failback.due == NEVER


def test_what_the_user_chose_stays(clock: Clock) -> None:
    failback = Failback(30.0, 12, clock)
    failback.begin(2, chosen=True)
    assert failback.due == NEVER
    failback.tried()
    assert failback.due == NEVER


def test_never_is_never(clock: Clock) -> None:
    failback = Failback(None, 12, clock)
    failback.begin(2, chosen=False)
    assert failback.due == NEVER


def test_a_primary_that_comes_and_goes_is_not_chased(clock: Clock) -> None:
    failback = Failback(30.0, 3, clock)
    for _ in range(3):
        assert failback.held is None
        failback.moved()
        clock.time += 60
    assert failback.held == 3
    assert [failback.news(), failback.news()] == [True, False]
    clock.time += HOUR - 180
    assert failback.held == 3
    clock.time += 1
    assert failback.held is None
    failback.moved()
    assert failback.held == 3
    assert failback.news()


def test_no_moves_at_all(clock: Clock) -> None:
    """`max_moves_per_hour: 0` holds from the beginning, and says so."""
    failback = Failback(30.0, 0, clock)
    assert failback.held == 0
    assert failback.news()
