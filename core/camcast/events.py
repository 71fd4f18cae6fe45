"""What happens, as typed values: through the hook, the engine's iterator, and one log line each.

Texts in events are already redacted. `time` is `time.time()` seconds.
"""

from __future__ import annotations

import time as _time
from enum import Enum

import attrs

from camcast.errors import ErrorClass


def _again(revive_at: float | None, now: float) -> str:
    """What an event says at its end of the next try after giving up."""
    return "" if revive_at is None else f"; tried again in {max(revive_at - now, 0):.0f} s"


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
class Event:
    """Base of all events. `label` is readable: "cam0_main", or "cam0_main/cloud" for a second output."""

    label: str
    time: float = attrs.field(factory=_time.time)

    level = "info"

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def text(self) -> str:
        return f"{self.name} {self.label}"


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
        return _again(self.revive_at, self.time)

    @property
    def text(self) -> str:
        return f"Session {self.label} gave up after {self.attempts} retries: {self.error}{self.again}"


@attrs.frozen(kw_only=True)
class BitrateChanged(SessionEvent):
    """The encoder of its picture is told another bitrate, because of what the link bears. All in bit/s."""

    bitrate: int
    before: int
    reason: str
    bears: int = 0
    """That the link was found to bear, picture and sound; 0 = not known."""

    @property
    def text(self) -> str:
        bears = f"; the link bears {self.bears // 1000}" if self.bears else ""
        rates = f"{self.bitrate // 1000} kbit/s after {self.before // 1000}"
        return f"Session {self.label}: picture at {rates}: {self.reason}{bears}"


@attrs.frozen(kw_only=True)
class PictureChanged(SessionEvent):
    """It sends other pictures of its camera from now on, because of what the link bears and what there is, as `adapt`
    lets it. Another attempt begins with all of its own, untold."""

    picture: str
    """Another stream's name, how many of the pictures, or both: "sub, keyframes only"; "" = all of its own."""
    before: str
    reason: str
    bears: int = 0
    """bit/s that the link was found to bear, picture and sound; 0 = not known."""

    @property
    def text(self) -> str:
        bears = f"; the link bears {self.bears // 1000} kbit/s" if self.bears else ""
        return f"Session {self.label}: sends {self.picture or 'all of its own pictures'}: {self.reason}{bears}"


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
class UplinkChanged(Event):
    """What the outputs of the uplink `label` may send together is another, or too little for them. All in bit/s."""

    budget: int
    before: int
    reason: str
    bears: int = 0
    """That the link was found to bear; 0 = not known. `least`: its outputs take, where that is too much; else 0."""
    least: int = 0

    @property
    def text(self) -> str:
        bears = f"; it bears {self.bears // 1000}" if self.bears else ""
        more = bears or (f" at least {self.least // 1000}" if self.least else "")
        return f"Uplink {self.label}: {self.budget // 1000} kbit/s after {self.before // 1000}: {self.reason}{more}"


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
class DropEpisode(SessionEvent):
    """The link could not keep up for a while; told when the episode ends, and once a second while it lasts."""

    video: int
    audio: int
    seconds: float
    over: bool

    level = "warning"

    @property
    def text(self) -> str:
        state = "dropped" if self.over else "is dropping"
        return f"Session {self.label} {state}: {self.video} video, {self.audio} audio in {self.seconds:.1f}s"


@attrs.frozen(kw_only=True)
class Note(SessionEvent):
    """Anything else an operator should know: `code` is stable ("codec_unconfirmed"), `message` is for people."""

    code: str
    message: str

    level = "warning"

    @property
    def text(self) -> str:
        return f"Session {self.label}: {self.message} [{self.code}]"


@attrs.frozen(kw_only=True)
class SegmentFinished(SessionEvent):
    """A file of a recording is complete: nothing more is written to it."""

    path: str = attrs.field(repr=False)
    shown: str
    """`path` as logs may have it, without what is secret in the recording's URL."""
    begin: float
    """`time.time()` seconds of its first frame; likewise `end`, of its last."""
    end: float
    size: int
    """Bytes."""
    frames: int

    @property
    def text(self) -> str:
        return (
            f"Session {self.label}: {self.shown} is complete, {self.end - self.begin:.0f} s, {self.size / 1e6:.1f} MB"
        )


class SourceState(Enum):
    """Where a camera stream's source side is."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """Lost; the next try is scheduled."""
    ENDED = "ended"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class SourceChanged(Event):
    camera_id: int
    stream_id: int
    old: SourceState
    new: SourceState
    reason: str = ""
    revive_at: float | None = None
    """`time.time()` seconds at which a source that has given up is tried again by itself; None = never."""

    @property
    def level(self) -> str:  # type: ignore[override]
        return "warning" if self.new in (SourceState.WAITING, SourceState.FAILED) else "info"

    @property
    def text(self) -> str:
        again = _again(self.revive_at, self.time)
        why = f" ({self.reason}{again})" if self.reason else ""
        return f"Source {self.label}: {self.old.value} -> {self.new.value}{why}"


@attrs.frozen(kw_only=True)
class SourceNote(Event):
    """Like `Note`, about a stream's source side or its transcoder."""

    camera_id: int
    stream_id: int
    code: str
    message: str

    level: str = "warning"

    @property
    def text(self) -> str:
        return f"Stream {self.label}: {self.message} [{self.code}]"


class ServiceState(Enum):
    """Where a service is."""

    STOPPED = "stopped"
    RUNNING = "running"
    WAITING = "waiting"
    """It failed; the next start is scheduled."""
    FAILED = "failed"
    """It is not started again by itself."""


@attrs.frozen(kw_only=True)
class ServiceChanged(Event):
    """A service has been started, has ended, or failed. `label` is its name: "http"."""

    old: ServiceState
    new: ServiceState
    reason: str = ""
    retry_in: float | None = None
    """Seconds until it is started again; None = not by itself."""

    @property
    def level(self) -> str:  # type: ignore[override]
        return "warning" if self.new in (ServiceState.WAITING, ServiceState.FAILED) else "info"

    @property
    def text(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        again = f"; started again in {self.retry_in:g} s" if self.retry_in is not None else ""
        return f"Service {self.label}: {self.old.value} -> {self.new.value}{why}{again}"


@attrs.frozen(kw_only=True)
class ServiceNote(Event):
    """Something that a service wants an operator to know. `label` is its name."""

    code: str
    message: str

    @property
    def text(self) -> str:
        return f"Service {self.label}: {self.message} [{self.code}]"


@attrs.frozen(kw_only=True)
class Reloaded(Event):
    """The engine is like its configuration again. `changes`: what has been done, a line each; never a value."""

    changes: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"Reloaded: {', '.join(self.changes) or 'nothing has changed'}"


@attrs.frozen(kw_only=True)
class ReloadRefused(Event):
    """The configuration was to be read again, and is wrong or cannot be read: nothing has been touched."""

    error: str

    level = "error"

    @property
    def text(self) -> str:
        return f"Not reloaded, everything goes on as before: {self.error}"


@attrs.frozen(kw_only=True)
class WorkerRestarted(Event):
    """A worker process died and is started anew. `cameras`: those that it runs."""

    reason: str
    cameras: tuple[int, ...]

    level = "error"

    @property
    def text(self) -> str:
        which = ", ".join(str(camera) for camera in self.cameras) or "none"
        return f"Process {self.label} {self.reason}; it is started anew with cameras {which}"


@attrs.frozen(kw_only=True)
class LoopHeld(Event):
    """The event loop of a process stood still, and with it every camera there."""

    seconds: float
    plugin: str
    """Name of the plugin whose code held it; "" = not a plugin's, as far as can be seen."""
    where: str
    """"file.py:12 in name"."""

    level = "error"

    @property
    def text(self) -> str:
        who = f"plugin {self.plugin}, {self.where}" if self.plugin else self.where
        return f"All cameras of {self.label} stood still for {self.seconds:.1f} s: the event loop was held by {who}"
