"""A session's life: where it stands, where it is tried, lost, given up and moved to."""

from __future__ import annotations

from enum import Enum

import attrs

from camcast.errors import ErrorClass
from camcast.events.base import Event, tried_again


class SessionState(Enum):
    """Where a session's life is; the table is in `session/state.py`."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"
    FAILED = "failed"


@attrs.frozen(order=True)
class SessionKey:
    """Names one session: (camera, stream, output)."""

    camera_id: int
    stream_id: int
    output: str

    def __str__(self) -> str:
        return f"{self.camera_id}/{self.stream_id}/{self.output}"


@attrs.frozen(kw_only=True)
class SessionEvent(Event):
    """Base of the events of one session."""

    key: SessionKey


@attrs.frozen(kw_only=True)
class StateChanged(SessionEvent):
    old: SessionState
    new: SessionState
    reason: str = ""

    @property
    def text(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"Session {self.label}: {self.old.value} -> {self.new.value}{why}"


@attrs.frozen(kw_only=True)
class AttemptStarted(SessionEvent):
    """`attempt` counts this session's retries: 0 in the first round. `target` is a redacted URL."""

    attempt: int
    target: str
    target_index: int = 0

    @property
    def text(self) -> str:
        return f"Session {self.label} connecting to {self.target} (attempt {self.attempt})"


@attrs.frozen(kw_only=True)
class Connected(SessionEvent):
    target: str
    target_index: int = 0
    took: float = 0.0
    """Seconds from the start of the attempt to Publish.Start."""

    @property
    def text(self) -> str:
        return f"Session {self.label} connected to {self.target}"


@attrs.frozen(kw_only=True)
class AttemptFailed(SessionEvent):
    attempt: int
    target: str
    error_class: ErrorClass
    error: str
    stage: str = ""

    level = "warning"

    @property
    def text(self) -> str:
        return f"Session {self.label}: {self.target}: {self.error_class.value}: {self.error}"


@attrs.frozen(kw_only=True)
class RetryScheduled(SessionEvent):
    attempt: int
    delay: float
    """Nominal delay in seconds; jitter may shorten the wait."""
    next_attempt_at: float
    """`time.time()` seconds."""

    level = "warning"

    @property
    def text(self) -> str:
        return f"Session {self.label} failed, retry in {self.delay:g}s"


@attrs.frozen(kw_only=True)
class GaveUp(SessionEvent):
    attempts: int
    error: str
    revive_at: float | None = None
    """`time.time()` seconds at which one round is tried again by itself; None = never."""

    level = "error"

    @property
    def again(self) -> str:
        """ "; tried again in 300 s", or ""."""
        return tried_again(self.revive_at, self.time)

    @property
    def text(self) -> str:
        return f"Session {self.label} gave up after {self.attempts} retries: {self.error}{self.again}"


@attrs.frozen(kw_only=True)
class ScheduleChanged(SessionEvent):
    """Its schedule has put it on the air or off it; also told of one that begins while its schedule says off."""

    on: bool
    until: float | None
    """`time.time()` seconds of the next change; None = none within 400 days, or there is no schedule any more."""
    reason: str

    @property
    def text(self) -> str:
        return f"Session {self.label}: {self.reason}"


@attrs.frozen(kw_only=True)
class Moved(SessionEvent):
    """The session publishes somewhere else now. `why`: "failover", "failback", "redirect", "switch",
    or "rotate", where `old` and `new` may be the same."""

    why: str
    old: str
    new: str
    gap: float
    """Seconds without a picture at the server: from the first one that the old place did not acknowledge, to the first
    one for the new place."""

    @property
    def text(self) -> str:
        return f"Session {self.label} {self.why}: {self.old} -> {self.new} ({self.gap * 1000:.0f} ms without a picture)"


@attrs.frozen(kw_only=True)
class Note(SessionEvent):
    """Anything else an operator should know: `code` is stable ("codec_unconfirmed"), `message` is for people."""

    code: str
    message: str

    level = "warning"

    @property
    def text(self) -> str:
        return f"Session {self.label}: {self.message} [{self.code}]"
