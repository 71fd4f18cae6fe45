"""What the failure of an attempt means for its session: counted, told, and when the next one is due."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from camcast.config import SessionConfig
from camcast.errors import ErrorClass, TransportError
from camcast.events import SessionState
from camcast.session.attempt import Attempt
from camcast.session.connection import ConnectionManager
from camcast.session.hosts import Hosts, Patience
from camcast.session.metrics import Recorder
from camcast.session.state import StateMachine, Trigger
from camcast.session.telling import Telling


@attrs.define(eq=False)
class Failures:
    """Those of one session."""

    config: SessionConfig
    policy: ConnectionManager
    machine: StateMachine
    recorder: Recorder
    telling: Telling
    hosts: Hosts
    wake: Callable[[], object]
    """Called when another session got through to a host that this one waits for."""
    _patience: Patience = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._patience = Patience(self.hosts, [target.url for target in self.config.targets], self._host_is_back)

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this, and so do the policy and what is told."""
        self.config = config
        self.policy.adopt(config.retry_policy, auto_reconnect=config.auto_reconnect)
        self.telling.adopt(config.label, config.idle_timeout)

    def failed(self, error: TransportError, attempt: Attempt | None) -> None:
        """The session is off the air for this reason; `attempt` None: for a reason of its own."""
        text = self.note(error, attempt)
        self.telling.off_air()
        state = self.machine.state
        if state in (SessionState.CONNECTING, SessionState.CONNECTED):
            self.to(Trigger.FAILURE if state is SessionState.CONNECTING else Trigger.ERROR, text)
        if attempt is not None:
            self._patience.looked(attempt.index, attempt.host)
        policy = self.policy
        policy.on_disconnect(error.error_class, attempt.index if attempt is not None else None, error.retry_after)
        if attempt is not None and error.stage == "resolve" and error.error_class is ErrorClass.NETWORK:
            self.hosts.unknown(attempt.host)
        if policy.failed:
            if self.machine.state is SessionState.ERROR:
                self.to(Trigger.GIVE_UP, text)
            if policy.revive_at is not None:
                self._patience.wait()
            self.telling.gave_up(policy.attempt, text, policy.revive_at and policy.revive_at - time.monotonic())
        elif policy.get_backoff_delay() > 0:
            self._patience.wait()
            self.telling.retry(policy.attempt, policy.get_backoff_delay(), policy.next_attempt_at - time.monotonic())

    def note(self, error: TransportError, attempt: Attempt | None) -> str:
        """Count and tell it; returns what was told, without secrets."""
        text = attempt.scrub(str(error)) if attempt is not None else str(error)
        shown = attempt.shown if attempt is not None else self.config.targets[self.policy.next_target() or 0].shown
        self.recorder.failure(error.error_class, text)
        self.telling.failed(error, text, self.policy.attempt, shown)
        return text

    def to(self, trigger: Trigger, reason: str = "") -> None:
        """Move the session's state, and tell it."""
        old, new = self.machine.feed(trigger)
        if old is not new:
            self.telling.state(old, new, reason)

    def _host_is_back(self) -> None:
        """A refusal, or a plugin's bug, is not the host's absence: that somebody else got through changes nothing about
        it. Nor does it change when a server wants to see this session again."""
        slow = (ErrorClass.REFUSED, ErrorClass.PLUGIN)
        may = self.policy.last_reason not in slow and not self.policy.asked_to_wait
        if self.machine.state in (SessionState.ERROR, SessionState.FAILED) and may:
            self.policy.retry_now()
            self.wake()
