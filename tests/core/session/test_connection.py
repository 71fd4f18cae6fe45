"""The retry and failover policy, with a clock in hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.session.clock import Clock

from camcast.config import RetryPolicy
from camcast.errors import ErrorClass
from camcast.session.connection import (
    BUSY_DELAY,
    BUSY_FIRST,
    BUSY_PATIENCE,
    MOST_WAIT,
    REFUSED_DELAY,
    ConnectionManager,
)

NETWORK, BUSY, REFUSED, WRONG = (ErrorClass.NETWORK, ErrorClass.BUSY, ErrorClass.REFUSED, ErrorClass.MISCONFIGURED)


def manager(targets: int = 1, *, rng: float = 0.0, auto: bool = True, **policy: Any) -> tuple[ConnectionManager, Clock]:
    clock = Clock()
    made = ConnectionManager(
        targets,
        RetryPolicy(**policy),
        auto_reconnect=auto,
        now=clock,
        rng=lambda: rng,
    )
    return made, clock


def fail_rounds(policy: ConnectionManager, clock: Clock, reason: ErrorClass, limit: int = 50) -> list[float]:
    """Fail until given up; returns the delay after each round."""
    delays = []
    for _ in range(limit):
        clock.time = max(clock.time, policy.next_attempt_at)
        while (target := policy.next_target()) is not None:
            policy.on_disconnect(reason, target)
        if policy.failed:
            break
        delays.append(policy.get_backoff_delay())
    return delays


def test_delays_of_the_default_policy() -> None:
    policy, clock = manager()
    assert fail_rounds(policy, clock, NETWORK) == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert policy.failed
    assert not policy.should_reconnect()
    assert clock.time - 1000 == 303


@pytest.mark.parametrize(
    ("reason", "seconds"), [(NETWORK, 300), (BUSY, 300), (REFUSED, 900), (WRONG, 900), (ErrorClass.PLUGIN, 900)]
)
def test_what_has_given_up_tries_one_round_now_and_then(reason: ErrorClass, seconds: float) -> None:
    policy, clock = manager(2)
    fail_rounds(policy, clock, reason, limit=100)
    for _ in range(3):
        assert policy.failed
        assert policy.next_target() is None
        assert policy.revive_at == clock.time + seconds
        clock.time = policy.revive_at
        policy.revive()
        assert [policy.next_target(), policy.on_disconnect(reason)] == [0, None]  # type: ignore[func-returns-value]
        assert [policy.next_target(), policy.on_disconnect(reason)] == [1, None]  # type: ignore[func-returns-value]


def test_a_revived_one_that_carries_media_has_all_its_attempts_again() -> None:
    policy, clock = manager()
    fail_rounds(policy, clock, NETWORK)
    policy.revive()
    policy.on_connected(0)
    policy.on_flow(10.0)
    policy.on_disconnect(NETWORK, 0)
    assert fail_rounds(policy, clock, NETWORK) == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@pytest.mark.parametrize("settings", [{"revive_after": None}, {"auto": False}])
def test_nothing_revives_where_that_is_not_wanted(settings: dict[str, Any]) -> None:
    policy, clock = manager(**settings)
    fail_rounds(policy, clock, NETWORK)
    assert policy.failed
    assert policy.revive_at is None


def test_revivals_of_many_sessions_are_spread() -> None:
    policy, clock = manager(rng=1.0)
    fail_rounds(policy, clock, NETWORK)
    assert policy.revive_at == clock.time + 300 * 0.75


def test_never_giving_up() -> None:
    policy, clock = manager(max_attempts=None)
    assert fail_rounds(policy, clock, NETWORK, limit=200)[-1] == 60
    assert policy.should_reconnect()


def test_a_server_that_says_when_is_not_asked_before() -> None:
    policy, clock = manager()
    policy.on_disconnect(NETWORK, 0, retry_after=90)
    assert policy.get_backoff_delay() == 90
    assert policy.next_attempt_at == clock.time + 90
    assert policy.asked_to_wait
    clock.time += 89
    assert policy.next_target() is None
    clock.time += 1
    assert policy.next_target() == 0
    assert not policy.asked_to_wait
    policy.on_disconnect(NETWORK, 0, retry_after=0.5)
    assert policy.get_backoff_delay() == 2, "less than what we think right changes nothing"
    assert not policy.asked_to_wait


def test_it_is_kept_to_within_bounds_and_until_somebody_says_now() -> None:
    policy, clock = manager()
    policy.on_disconnect(NETWORK, 0, retry_after=1e9)
    assert policy.next_attempt_at == clock.time + MOST_WAIT
    policy.retry_now()
    assert policy.next_target() == 0
    policy.on_disconnect(NETWORK, 0)
    assert policy.get_backoff_delay() == 2, "it was forgotten with the wait"


def test_others_are_asked_meanwhile_and_it_comes_last() -> None:
    policy, clock = manager(3)
    policy.on_disconnect(NETWORK, 0, retry_after=5)
    assert policy.next_target() == 1
    policy.on_disconnect(NETWORK, 1)
    policy.on_disconnect(NETWORK, 2)
    assert policy.get_backoff_delay() == 1
    clock.time += 1
    assert policy.next_target() == 1
    policy.on_disconnect(NETWORK, 1)
    policy.on_disconnect(NETWORK, 2)
    assert policy.next_target() is None, "only the first is left of this round"
    clock.time += 4
    assert policy.next_target() == 0


def test_a_stable_server_that_wants_us_to_connect_anew_is_the_next() -> None:
    for retry_after, order in ((0, [1, 2, 0]), (None, [2, 0, 1]), (30, [2, 0])):
        policy, _ = manager(3)
        policy.on_connected(1)
        policy.on_flow(10)
        policy.on_disconnect(NETWORK, 1, retry_after=retry_after)
        tried: list[Any] = []
        while (target := policy.next_target()) is not None and len(tried) < 3:
            tried.append(target)
            policy.on_disconnect(NETWORK, target)
        assert tried == order
    policy, _ = manager()
    policy.on_disconnect(NETWORK, 0, retry_after=0)
    assert policy.get_backoff_delay() == 1, "one that says so again and again is not asked without end"


def test_a_round_tries_each_target_in_order_and_at_once() -> None:
    policy, clock = manager(3)
    tried: list[Any] = []
    while (target := policy.next_target()) is not None:
        tried.append(target)
        policy.on_disconnect(NETWORK, target)
    assert tried == [0, 1, 2]
    assert policy.get_backoff_delay() == 1
    clock.time += 1
    assert policy.next_target() == 0


def test_a_stable_target_lost_goes_to_the_next_at_once_and_round_to_the_primary() -> None:
    policy, clock = manager(3)
    order = []
    for _ in range(4):
        target = policy.next_target()
        assert target is not None
        order.append(target)
        policy.on_connected(target)
        policy.on_flow(10.0)
        clock.time += 11
        policy.on_disconnect(NETWORK, target)
    assert order == [0, 1, 2, 0]


def test_the_only_target_lost_when_stable_is_tried_again_at_once() -> None:
    policy, _clock = manager(1)
    policy.on_connected(0)
    policy.on_flow(10.0)
    policy.on_disconnect(NETWORK, 0)
    assert policy.next_target() == 0
    assert policy.get_backoff_delay() == 0


def test_a_connection_without_flow_does_not_reset_the_backoff() -> None:
    policy, clock = manager(1)
    delays = []
    for _ in range(4):
        clock.time = policy.next_attempt_at
        policy.on_connected(0)
        policy.on_flow(9.9)
        policy.on_disconnect(NETWORK, 0)
        delays.append(policy.get_backoff_delay())
    assert delays == [1, 2, 4, 8]


def test_jitter_shortens_the_wait_but_not_the_nominal_delay() -> None:
    policy, clock = manager(rng=1.0, jitter=0.25)
    policy.on_disconnect(NETWORK, 0)
    assert policy.get_backoff_delay() == 1
    assert policy.next_attempt_at - clock.time == pytest.approx(0.75)


def test_a_busy_name_is_tried_soon_then_every_ten_seconds_uncounted_for_three_minutes() -> None:
    policy, clock = manager(max_attempts=2)
    delays = fail_rounds(policy, clock, BUSY)
    assert delays[:4] == [1, 2, 4, 8]
    every_ten = math.ceil((BUSY_PATIENCE - 15) / BUSY_DELAY)
    assert delays[4 : 4 + every_ten] == [BUSY_DELAY] * every_ten
    assert delays[4 + every_ten :] == [1, 2]
    assert 180 <= sum(delays[: 4 + every_ten]) < 190
    assert policy.failed


def test_another_trouble_in_between_gives_a_busy_name_its_patience_anew() -> None:
    policy, clock = manager(max_attempts=None)
    policy.on_disconnect(BUSY)
    clock.time += BUSY_PATIENCE
    policy.on_disconnect(NETWORK)
    clock.time += policy.get_backoff_delay()
    policy.on_disconnect(BUSY)
    assert policy.get_backoff_delay() == BUSY_FIRST


def test_refusals_are_tried_slowly_and_few_times() -> None:
    policy, clock = manager()
    assert fail_rounds(policy, clock, REFUSED) == [REFUSED_DELAY] * 5
    assert policy.failed


def test_a_session_that_never_gives_up_does_not_give_up_for_refusals() -> None:
    policy, clock = manager(max_attempts=None)
    for _ in range(50):
        policy.on_disconnect(REFUSED)
        assert not policy.failed
        assert policy.get_backoff_delay() >= REFUSED_DELAY
        clock.time = policy.next_attempt_at


def test_a_misconfigured_target_is_not_tried_again() -> None:
    policy, clock = manager(2)
    policy.on_disconnect(WRONG, 0)
    policy.on_disconnect(NETWORK, 1)
    clock.time = policy.next_attempt_at
    assert policy.next_target() == 1
    alone, _ = manager(1)
    alone.on_disconnect(WRONG, 0)
    assert alone.failed


def test_without_auto_reconnect_there_is_one_round() -> None:
    policy, _ = manager(2, auto=False)
    policy.on_disconnect(NETWORK, 0)
    assert policy.next_target() == 1
    policy.on_disconnect(NETWORK, 1)
    assert policy.failed


def test_retry_now_skips_the_wait_and_revives() -> None:
    policy, _clock = manager(max_attempts=1)
    policy.on_disconnect(NETWORK, 0)
    assert policy.next_target() is None
    policy.retry_now()
    assert policy.next_target() == 0
    policy.on_disconnect(NETWORK, 0)
    assert policy.failed
    policy.retry_now()
    assert policy.next_target() == 0
    assert policy.attempt == 0


def test_prefer_begins_with_the_wanted_target() -> None:
    policy, _ = manager(3)
    policy.prefer(2)
    assert policy.next_target() == 2
    policy.on_disconnect(NETWORK, 2)
    assert policy.next_target() == 0


REASONS = st.sampled_from(list(ErrorClass))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fail"), REASONS),
        st.tuples(st.just("live"), st.floats(0, 30), REASONS),
        st.tuples(st.just("wait"), st.floats(0, 100)),
        st.tuples(st.just("now")),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4), STEPS, st.floats(0, 0.999), st.integers(0, 12))
def test_invariants(targets: int, steps: list[tuple[object, ...]], jitter: float, attempts: int) -> None:
    """Delays stay in bounds, an attempt is always pending unless given up, retries never exceed their limit."""
    policy, clock = manager(targets, rng=jitter, max_attempts=attempts)
    for step in steps:
        match step:
            case ("wait", float(seconds)):
                clock.time += seconds
            case ("now",):
                policy.retry_now()
            case _:
                clock.time = max(clock.time, policy.next_attempt_at)
                target = policy.next_target()
                if target is None:
                    assert policy.failed
                    continue
                assert 0 <= target < targets
                if step[0] == "live":
                    policy.on_connected(target)
                    policy.on_flow(step[1])  # type: ignore[arg-type]
                policy.on_disconnect(step[-1], target)  # type: ignore[arg-type]
        assert policy.attempt <= attempts
        delay = policy.get_backoff_delay()
        assert 0 <= delay <= 60
        if policy.should_reconnect():
            wait = policy.next_attempt_at - clock.time
            assert wait <= delay + 1e-6
            clock_then, clock.time = clock.time, max(clock.time, policy.next_attempt_at)
            assert policy.next_target() is not None
            clock.time = clock_then


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.sampled_from([NETWORK, BUSY, REFUSED, ErrorClass.UNEXPLAINED]), max_size=40))
def test_every_round_tries_every_target_once(targets: int, reasons: list[ErrorClass]) -> None:
    policy, clock = manager(targets, max_attempts=None)
    tried: list[int] = []
    for reason in reasons:
        target = policy.next_target()
        if target is None:
            assert sorted(tried) == list(range(targets))
            tried: list[Any] = []  # type: ignore[no-redef]
            if policy.failed:
                return
            clock.time = policy.next_attempt_at
            target = policy.next_target()
        assert target is not None
        tried.append(target)
        policy.on_disconnect(reason, target)


def test_a_loss_needs_no_reason() -> None:
    policy, _ = manager(2)
    policy.on_disconnect()
    assert policy.last_reason is NETWORK
    assert policy.next_target() == 1
    policy.on_disconnect()
    assert policy.get_backoff_delay() == 1


def test_a_loss_after_the_end_changes_nothing() -> None:
    policy, _ = manager(1, max_attempts=0)
    policy.on_disconnect()
    assert policy.failed
    policy.on_disconnect()
    assert policy.failed
    policy.retry_now()
    assert policy.next_target() == 0


def test_what_the_user_chose_is_due_first_and_stays_chosen() -> None:
    policy, _ = manager(3)
    policy.choose(1)
    assert policy.next_target() == 1
    policy.on_connected(1)
    assert policy.chosen == 1
    policy.on_disconnect(NETWORK, 0)  # another attempt's, a candidate's say
    assert policy.chosen == 1
    policy.on_disconnect(NETWORK, 1)
    assert policy.chosen is None


def test_a_move_that_the_user_wanted_is_where_a_session_comes_back_to() -> None:
    policy, _ = manager(3)
    policy.on_connected(0)
    policy.moved_to(2, chosen=True)
    assert (policy.chosen, policy.current, policy.next_target()) == (2, 2, 2)
    policy.moved_to(2)  # a redirect of the same target
    assert (policy.chosen, policy.next_target()) == (2, 2)
    policy.moved_to(0)  # the twin carried on
    assert (policy.chosen, policy.next_target()) == (None, 0)
