"""What a failure means for its session, and whom another session's success wakes."""

from __future__ import annotations

import attrs
import pytest
from tests.core.session.test_session import chain

from camcast.config import RetryPolicy
from camcast.errors import ErrorClass, NetworkError, RefusedError, TransportError
from camcast.events import AttemptFailed, GaveUp, RetryScheduled, SessionEvent, SessionState, StateChanged
from camcast.session.connection import REFUSED_DELAY, ConnectionManager
from camcast.session.failures import Failures
from camcast.session.hosts import Hosts
from camcast.session.metrics import Recorder
from camcast.session.state import StateMachine, Trigger
from camcast.session.telling import Telling


@attrs.define(eq=False)
class Place:
    """A session's failures without the session, in the middle of connecting."""

    config = chain("a:1", "b:1", retry_policy=RetryPolicy(initial_delay=8, max_attempts=2, jitter=0))
    hosts: Hosts = attrs.field(factory=lambda: Hosts(10))
    time: float = 1000.0
    woken: int = 0
    events: list[SessionEvent] = attrs.field(factory=list)
    policy: ConnectionManager = attrs.field(init=False)
    failures: Failures = attrs.field(init=False)
    recorder: Recorder = attrs.field(factory=Recorder)

    def __attrs_post_init__(self) -> None:
        config, machine = self.config, StateMachine()
        self.policy = ConnectionManager(2, config.retry_policy, now=lambda: self.time, rng=lambda: 0.0)
        telling = Telling(config.key, config.label, self.events.append)
        self.failures = Failures(config, self.policy, machine, self.recorder, telling, self.hosts, self.wake)
        machine.feed(Trigger.CONNECT)

    def wake(self) -> None:
        self.woken += 1

    @property
    def state(self) -> SessionState:
        return self.failures.machine.state

    def fail(self, *errors: TransportError) -> None:
        """One after the other, each on the target that is due."""
        for error in errors:
            if self.state is SessionState.ERROR:
                self.failures.to(Trigger.RECONNECT)
            self.failures.failed(error, None)

    def of(self, kind: type[SessionEvent]) -> list[SessionEvent]:
        return [event for event in self.events if isinstance(event, kind)]


async def test_a_failure_is_counted_and_told_and_the_next_target_is_due() -> None:
    place = Place()
    place.fail(NetworkError("reset", stage="connect"))
    assert place.state is SessionState.ERROR
    assert place.policy.next_target() == 1
    assert (place.recorder.failed_attempts, place.recorder.last_error) == (1, "reset")
    assert place.recorder.errors == {ErrorClass.NETWORK: 1}
    assert [type(event) for event in place.events] == [AttemptFailed, StateChanged]


async def test_after_a_round_comes_a_wait_and_after_the_last_the_end() -> None:
    place = Place()
    place.fail(NetworkError("first"), NetworkError("second"))
    (scheduled,) = place.of(RetryScheduled)
    assert isinstance(scheduled, RetryScheduled)
    assert (scheduled.delay, scheduled.attempt) == (8.0, 1)
    for _ in range(2):
        place.time = place.policy.next_attempt_at
        place.fail(NetworkError("again"), NetworkError("and again"))
    assert place.state is SessionState.FAILED
    (gave_up,) = place.of(GaveUp)
    assert isinstance(gave_up, GaveUp)
    assert gave_up.error == "and again"


@pytest.mark.parametrize("host", ["a:1", "b:1"])
async def test_another_sessions_success_ends_the_wait_for_a_host_that_was_away(host: str) -> None:
    place = Place()
    place.fail(NetworkError("unreachable"), NetworkError("unreachable"))
    assert place.policy.next_target() is None
    place.hosts.reached(host)
    assert place.policy.next_target() == 0
    assert place.woken == 1


async def test_another_sessions_success_does_not_end_the_wait_after_a_refusal() -> None:
    """The host was there all the time: what it refuses to this session does not change by that."""
    place = Place()
    place.fail(RefusedError("wrong key"), RefusedError("wrong key"))
    for host in ("a:1", "b:1"):
        place.hosts.reached(host)
    assert place.woken == 0
    assert place.policy.next_target() is None
    assert place.policy.get_backoff_delay() == REFUSED_DELAY == 30.0
    place.time += REFUSED_DELAY - 0.1
    assert place.policy.next_target() is None
    place.time += 0.1
    assert place.policy.next_target() == 0


async def test_one_that_is_at_it_again_is_not_woken() -> None:
    place = Place()
    place.fail(NetworkError("unreachable"), NetworkError("unreachable"))
    place.failures.to(Trigger.RECONNECT)
    place.hosts.reached("a:1")
    assert place.woken == 0


async def test_another_sessions_success_does_not_shorten_what_a_server_asked_for() -> None:
    place = Place()
    errors = [NetworkError("come back later"), NetworkError("later")]
    for error in errors:
        error.retry_after = 120.0
    place.fail(*errors)
    for host in ("a:1", "b:1"):
        place.hosts.reached(host)
    assert place.woken == 0
    assert place.policy.next_attempt_at == 1120.0
