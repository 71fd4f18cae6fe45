"""Figures of one session, and of all together. Reading them changes nothing."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping

import attrs

from camcast.contracts import Transport
from camcast.errors import ErrorClass
from camcast.events import SessionKey, SessionState
from camcast.media import MediaKind
from camcast.stream.flow import FlowCounters
from camcast.stream.outlet import Outlet

log = logging.getLogger(__name__)

WINDOW = 5.0
"""Seconds over which the present bitrate is taken."""


@attrs.frozen(kw_only=True)
class SessionMetrics:
    """A snapshot. Rates are bit/s, times seconds, everything else counts since the session was created."""

    key: SessionKey
    label: str
    state: SessionState
    target: str
    target_index: int
    bitrate: float
    bitrate_average: float
    bitrate_peak: float
    frames_sent: int
    video_sent: int
    audio_sent: int
    video_offered: int
    audio_offered: int
    replayed: int
    bytes_sent: int
    frames_dropped: int
    dropped: Mapping[str, int]
    """By kind and reason: "video: link behind"."""
    fps: float
    pending: int
    """Bytes not acknowledged by the peer."""
    lag: float
    """Seconds of media that have not left this machine, because the link is slow."""
    latency: float
    """Seconds from the source to acknowledgement, moving average."""
    uptime: float
    downtime: float
    retries: int
    next_attempt_at: float | None
    """`time.time()` of the next attempt while waiting."""
    attempts: int
    failed_attempts: int
    moves: int
    errors: Mapping[str, int]
    """Failed or lost attempts by class."""
    last_error: str
    slow_sends: int
    transport: Mapping[str, float]
    """Figures of the transport's own."""


@attrs.frozen(kw_only=True)
class Totals:
    """All sessions together, those deleted included."""

    sessions: int
    active: int
    bytes_sent: int
    frames_sent: int
    frames_dropped: int
    bitrate: float
    attempts: int
    failed_attempts: int
    average_latency: float
    """Seconds from source to acknowledgement, mean of the active sessions."""


@attrs.define(eq=False)
class Recorder:
    """What a session notes as it goes."""

    flow: FlowCounters = attrs.field(factory=FlowCounters)
    attempts: int = 0
    failed_attempts: int = 0
    moves: int = 0
    errors: dict[ErrorClass, int] = attrs.field(factory=dict)
    last_error: str = ""
    peak: float = 0.0
    _since: float = attrs.field(factory=time.monotonic)
    _up_since: float | None = None
    _up: float = 0.0
    _samples: deque[tuple[float, int, int]] = attrs.field(factory=lambda: deque(maxlen=int(WINDOW) + 2))

    def up(self) -> None:
        """Publishing."""
        if self._up_since is None:
            self._up_since = time.monotonic()

    def down(self) -> None:
        """Not publishing."""
        if self._up_since is not None:
            self._up += time.monotonic() - self._up_since
            self._up_since = None
            self._samples.clear()

    def failure(self, error_class: ErrorClass, text: str) -> None:
        self.failed_attempts += 1
        self.errors[error_class] = self.errors.get(error_class, 0) + 1
        self.last_error = text

    def sample(self, now: float) -> None:
        """Note the bytes so far; call it about once a second."""
        self._samples.append((now, self.flow.bytes, self.flow.sent[MediaKind.VIDEO]))
        if len(self._samples) > 1:
            self.peak = max(self.peak, self._rate(-2)[0])

    @property
    def uptime(self) -> float:
        return self._up + (time.monotonic() - self._up_since if self._up_since is not None else 0.0)

    @property
    def downtime(self) -> float:
        return max(0.0, time.monotonic() - self._since - self.uptime)

    @property
    def rate(self) -> tuple[float, float]:
        """(bit/s, pictures a second) over the last seconds."""
        return self._rate(0) if len(self._samples) > 1 else (0.0, 0.0)

    @property
    def average(self) -> float:
        uptime = self.uptime
        return self.flow.bytes * 8 / uptime if uptime > 0 else 0.0

    def snapshot(
        self,
        *,
        key: SessionKey,
        label: str,
        state: SessionState,
        target: str,
        target_index: int,
        retries: int,
        next_attempt_at: float | None,
        transport: Transport | None,
        outlet: Outlet | None,
    ) -> SessionMetrics:
        """All figures, with what only the session and its active attempt know."""
        flow, drops = self.flow, dropped(self.flow)
        figures, pending = _figures(transport)
        bitrate, fps = self.rate
        return SessionMetrics(
            key=key,
            label=label,
            state=state,
            target=target,
            target_index=target_index,
            bitrate=bitrate,
            bitrate_average=self.average,
            bitrate_peak=self.peak,
            frames_sent=flow.sent.total(),
            video_sent=flow.sent[MediaKind.VIDEO],
            audio_sent=flow.sent[MediaKind.AUDIO],
            video_offered=flow.offered[MediaKind.VIDEO],
            audio_offered=flow.offered[MediaKind.AUDIO],
            replayed=flow.replayed,
            bytes_sent=flow.bytes,
            frames_dropped=sum(drops.values()),
            dropped=drops,
            fps=fps,
            pending=pending,
            lag=outlet.lag if outlet is not None else 0.0,
            latency=flow.latency,
            uptime=self.uptime,
            downtime=self.downtime,
            retries=retries,
            next_attempt_at=next_attempt_at,
            attempts=self.attempts,
            failed_attempts=self.failed_attempts,
            moves=self.moves,
            errors={reason.value: count for reason, count in self.errors.items()},
            last_error=self.last_error,
            slow_sends=flow.slow_sends,
            transport=figures,
        )

    def _rate(self, first: int) -> tuple[float, float]:
        then, size, frames = self._samples[first]
        now, new_size, new_frames = self._samples[-1]
        seconds = max(now - then, 1e-6)
        return (new_size - size) * 8 / seconds, max(0, new_frames - frames) / seconds


def _figures(transport: Transport | None) -> tuple[Mapping[str, float], int]:
    """A transport's own figures and what is pending; nothing of one that fails to tell, so that others still can."""
    if transport is None:
        return {}, 0
    try:
        return dict(transport.stats()), transport.pending
    except Exception as error:  # noqa: BLE001  a plugin's bug
        log.debug("A transport's figures: %s", type(error).__name__)
        return {}, 0


def dropped(flow: FlowCounters) -> dict[str, int]:
    """Drops as readable keys."""
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
        bytes_sent=sum(one.bytes_sent for one in everything),
        frames_sent=sum(one.frames_sent for one in everything),
        frames_dropped=sum(one.frames_dropped for one in everything),
        bitrate=sum(one.bitrate for one in active),
        attempts=sum(one.attempts for one in everything),
        failed_attempts=sum(one.failed_attempts for one in everything),
        average_latency=sum(latencies) / len(latencies) if latencies else 0.0,
    )
