"""Figures of one session, and of all together. Reading them changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

import attrs

from camcast.errors import ErrorClass
from camcast.events import SessionKey, SessionState
from camcast.few import Few
from camcast.session.fitting import Fitted
from camcast.session.health import Health
from camcast.session.platform_watch import Compared
from camcast.session.stage import OnAir
from camcast.session.timetable import NONE, Scheduled
from camcast.stream.flow import SOUND_ALONE, FlowCounters

WINDOW = 5.0
"""Seconds over which the present bitrate is taken."""


@attrs.frozen(kw_only=True)
class SessionMetrics:
    """A snapshot. Rates are bit/s, times seconds, everything else counts since the session was created."""

    key: SessionKey
    label: str
    state: SessionState
    health: Health
    """Whether all is well with it, and if not, whether it only waits for media or somebody paused it."""
    target: str
    """Where it is on the air, or tries to be next; redacted. After a redirect that is where the server sent it."""
    redirected_from: str
    """The configured URL, redacted, when a server has sent it elsewhere; "" = it is where it was sent by us."""
    target_index: int
    bitrate: float
    """Over the last five seconds."""
    bitrate_average: float
    """Over all the time on the air."""
    bitrate_peak: float
    """The highest of any one second."""
    frames_sent: int
    video_sent: int
    audio_sent: int
    video_offered: int
    audio_offered: int
    replayed: int
    bytes_sent: int
    frames_dropped: int
    """What somebody may miss: without sound that has no picture to it."""
    dropped: Mapping[str, int]
    """All of it, by kind and reason: "video: link behind"."""
    fps: float
    pending: int
    """Bytes not acknowledged by the peer."""
    lag: float
    """Seconds of media that have not left this machine, because the link is slow."""
    latency: float
    """Seconds from the source to acknowledgement, moving average."""
    latency_inside: float
    """Of it, until it was sent: encoding, transcoding, a busy machine."""
    latency_way: float
    """The rest: waiting for a slow link (`lag` is that of this moment), the way there and back, the peer."""
    uptime: float
    """Seconds on the air."""
    downtime: float
    """Seconds off the air while it was to be on it, those included in which the whole process stood still."""
    waiting: float
    """Seconds in which it was not to be on the air: there was no media yet or any more, its schedule said so, or it was
    paused."""
    retries: int
    next_attempt_at: float | None
    """`time.time()` of the next attempt while waiting."""
    attempts: int
    """Those that were to carry the session: tries to come on the air, and what it moved to."""
    failed_attempts: int
    """Those of them that failed or were lost: never more than there were."""
    moves: int
    errors: Mapping[str, int]
    """Failed or lost attempts by class."""
    last_error: str
    """Why it is not on the air, or not on its first target; "" again once it has been there for `stable_after`."""
    slow_sends: int
    transport: Mapping[str, float]
    """Figures of the transport's own."""
    bitrate_target: int = 0
    """What the encoder of its picture is told because of what the link bears; 0 = it does not adapt."""
    bitrate_reason: str = ""
    """Why it was changed last."""
    bitrate_changes: int = 0
    picture: str = ""
    """What is sent of its camera's pictures because of what the link bears: another stream's name, how many, or both;
    "" = all of its own."""
    picture_reason: str = ""
    """Why that was changed last; "" = it never was."""
    picture_changes: int = 0
    uplink: str = ""
    """The link of `system.uplinks` that it shares with others; "" = none."""
    uplink_share: int = 0
    """bit/s of its budget that it may send, sound included; 0 = anything, or not on the air."""
    schedule: str = ""
    """What its schedule says: "off by its schedule until Mon 2026-12-07 08:00 CET"; "" = it has none."""
    schedule_change_at: float | None = None
    """`time.time()` of the next change by its schedule; None = none within 400 days."""
    unconfirmed: str = ""
    """Why nobody can tell whether there is a picture at the other end, and what to do."""
    platform: str = ""
    """Name of the platform that it is on; "" = it is on none that is known, or not on the air."""
    platform_differences: Mapping[str, int] = attrs.field(factory=dict)
    """1 for each thing that the platform wants otherwise: "keyframes", "bitrate"."""
    platform_reason: str = ""
    """What came, what is wanted and what to do, of each."""
    tracks: Mapping[str, int] = attrs.field(factory=dict)
    """Further pictures and sounds in its connection, by stream and figure: "sub: sent". The figures are `sending` (1 =
    it is there), `offered`, `sent`, `dropped` and `bytes`. What stands above is the first track's, but for bytes and
    bitrates, which are those of all."""

    @property
    def healthy(self) -> bool:
        return self.health is Health.HEALTHY


@attrs.frozen
class Sketch:
    """The few figures of a session on the air that are kept over time, at a part of the price of all. As there."""

    target_index: int
    bitrate: float
    bitrate_target: int
    lag: float
    transport: Mapping[str, float]


@attrs.frozen(kw_only=True)
class Totals:
    """All sessions together, those deleted included."""

    sessions: int
    active: int
    """Those on the air."""
    healthy: int
    """Of those: acknowledged, and with a picture gone out within its usual distance."""
    waiting: int
    """Those that wait for media."""
    bytes_sent: int
    frames_sent: int
    frames_dropped: int
    bitrate: float
    attempts: int
    failed_attempts: int
    average_latency: float
    """Seconds from source to acknowledgement, mean of the active sessions."""


class _Mode(IntEnum):
    """What a session's time goes to: its place among the sums."""

    UP = 0
    DOWN = 1
    REST = 2


@attrs.define(eq=False)
class Recorder:
    """What a session notes as it goes. `now` gives seconds."""

    now: Callable[[], float] = time.monotonic
    flow: FlowCounters = attrs.field(factory=FlowCounters)
    attempts: int = 0
    failed_attempts: int = 0
    moves: int = 0
    errors: dict[ErrorClass, int] = attrs.field(factory=dict)
    last_error: str = ""
    peak: float = 0.0
    _mode: _Mode = _Mode.REST
    _since: float = attrs.field(default=attrs.Factory(lambda self: self.now(), takes_self=True))
    _spent: list[float] = attrs.field(factory=lambda: [0.0] * len(_Mode))
    _samples: Few[tuple[float, int, int]] = attrs.field(factory=lambda: Few(maxlen=int(WINDOW) + 1))

    def up(self) -> None:
        """Publishing."""
        self._turn(_Mode.UP)

    def down(self) -> None:
        """Not publishing, but it is to."""
        self._turn(_Mode.DOWN)

    def rest(self) -> None:
        """Not publishing, and not to: no media yet or any more, off by its schedule, or paused."""
        self._turn(_Mode.REST)

    def stood_still(self, seconds: float) -> None:
        """Nothing ran for so long, and nothing was sent: a connection that stood meanwhile was not on the air."""
        if self._mode is _Mode.UP:
            self._since += seconds
            self._spent[_Mode.DOWN] += seconds
        self._samples.clear()

    def failure(self, error_class: ErrorClass, text: str) -> None:
        self.failed_attempts += 1
        self.errors[error_class] = self.errors.get(error_class, 0) + 1
        self.last_error = text

    def sample(self) -> None:
        """Note the bytes so far; call it about once a second."""
        self._samples.append((self.now(), self.flow.bytes, self.flow.sent.video))
        if len(self._samples) > 1:
            self.peak = max(self.peak, self._rate(-2)[0])

    @property
    def uptime(self) -> float:
        """Seconds on the air."""
        return self._spent_in(_Mode.UP, self.now())

    @property
    def downtime(self) -> float:
        """Seconds off the air while it was to be on it."""
        return self._spent_in(_Mode.DOWN, self.now())

    @property
    def waiting(self) -> float:
        """All other seconds."""
        return self._spent_in(_Mode.REST, self.now())

    @property
    def rate(self) -> tuple[float, float]:
        """(bit/s, pictures a second) over the last `WINDOW`."""
        return self._rate(0) if len(self._samples) > 1 else (0.0, 0.0)

    @property
    def frames_dropped(self) -> int:
        """What somebody may miss."""
        dropped = self.flow.dropped
        if not dropped:  # of nearly all, and this is asked often
            return 0
        return sum(count for (_, reason), count in dropped.items() if reason not in SOUND_ALONE)

    @property
    def average(self) -> float:
        """bit/s over all the time on the air."""
        return self._average(self.uptime)

    def snapshot(
        self,
        *,
        key: SessionKey,
        label: str,
        state: SessionState,
        health: Health,
        target: str,
        target_index: int,
        redirected_from: str = "",
        retries: int,
        next_attempt_at: float | None,
        on_air: OnAir | None,
        fitted: Fitted | None = None,
        compared: Compared | None = None,
        tracks: Mapping[str, int] | None = None,
        scheduled: Scheduled = NONE,
    ) -> SessionMetrics:
        """All figures, with what only the session and its active attempt know."""
        flow = self.flow
        fitted, compared = fitted or Fitted(), compared or Compared()
        adapted, thinned = fitted.adapted, fitted.thinned
        figures, pending = on_air.figures() if on_air is not None else ({}, 0)
        bitrate, fps = self.rate
        now = self.now()
        uptime, downtime, waiting = (self._spent_in(mode, now) for mode in _Mode)
        return SessionMetrics(
            key=key,
            label=label,
            state=state,
            health=health,
            target=target,
            redirected_from=redirected_from,
            target_index=target_index,
            bitrate=bitrate,
            bitrate_average=self._average(uptime),
            bitrate_peak=self.peak,
            frames_sent=flow.sent.total(),
            video_sent=flow.sent.video,
            audio_sent=flow.sent.audio,
            video_offered=flow.offered.video,
            audio_offered=flow.offered.audio,
            replayed=flow.replayed,
            bytes_sent=flow.bytes,
            frames_dropped=self.frames_dropped,
            dropped=dropped(flow),
            fps=fps,
            pending=pending,
            lag=on_air.outlet.lag if on_air is not None else 0.0,
            latency=flow.latency,
            latency_inside=max(0.0, flow.latency - flow.way),
            latency_way=flow.way,
            uptime=uptime,
            downtime=downtime,
            waiting=waiting,
            retries=retries,
            next_attempt_at=next_attempt_at,
            attempts=self.attempts,
            failed_attempts=self.failed_attempts,
            moves=self.moves,
            errors={reason.value: count for reason, count in self.errors.items()},
            last_error=self.last_error,
            slow_sends=flow.slow_sends,
            transport=figures,
            bitrate_target=adapted.bitrate,
            bitrate_reason=adapted.reason,
            bitrate_changes=adapted.changes,
            # One or the other: `adapt` follows by its encoder, or chooses among pictures that come encoded.
            picture=thinned.picture or adapted.picture,
            picture_reason=thinned.reason or adapted.picture_reason,
            picture_changes=thinned.changes + adapted.picture_changes,
            uplink=fitted.uplink,
            uplink_share=fitted.share,
            schedule=scheduled.text,
            schedule_change_at=scheduled.change_at,
            unconfirmed=on_air.unconfirmed if on_air is not None else "",
            platform=compared.platform,
            platform_differences=dict.fromkeys(compared.differences, 1),
            platform_reason="; ".join(compared.differences.values()),
            tracks=tracks or {},
        )

    def _turn(self, mode: _Mode) -> None:
        if mode is self._mode:
            return
        now = self.now()
        self._spent[self._mode] += now - self._since
        self._mode, self._since = mode, now
        if mode is not _Mode.UP:
            self._samples.clear()

    def _average(self, uptime: float) -> float:
        return self.flow.bytes * 8 / uptime if uptime > 0 else 0.0

    def _spent_in(self, mode: _Mode, now: float) -> float:
        """Seconds until `now`."""
        return self._spent[mode] + (now - self._since if mode is self._mode else 0.0)

    def _rate(self, first: int) -> tuple[float, float]:
        then, size, frames = self._samples[first]
        now, new_size, new_frames = self._samples[-1]
        seconds = max(now - then, 1e-6)
        return (new_size - size) * 8 / seconds, max(0, new_frames - frames) / seconds


def dropped(flow: FlowCounters) -> dict[str, int]:
    """Drops as readable keys."""
    if not flow.dropped:
        return {}
    return {
        f"{kind.value}: {reason}": count
        for (kind, reason), count in sorted(flow.dropped.items(), key=lambda item: (item[0][0].value, item[0][1]))
        if count
    }


def total(snapshots: Iterable[SessionMetrics], gone: Iterable[SessionMetrics] = ()) -> Totals:
    """Sums of live sessions and of those deleted."""
    live = list(snapshots)
    everything = [*live, *gone]
    active = [one for one in live if one.state is SessionState.CONNECTED]
    latencies = [one.latency for one in active if one.latency > 0]
    return Totals(
        sessions=len(live),
        active=len(active),
        healthy=sum(one.healthy for one in live),
        waiting=sum(one.health is Health.WAITING for one in live),
        bytes_sent=sum(one.bytes_sent for one in everything),
        frames_sent=sum(one.frames_sent for one in everything),
        frames_dropped=sum(one.frames_dropped for one in everything),
        bitrate=sum(one.bitrate for one in active),
        attempts=sum(one.attempts for one in everything),
        failed_attempts=sum(one.failed_attempts for one in everything),
        average_latency=sum(latencies) / len(latencies) if latencies else 0.0,
    )
