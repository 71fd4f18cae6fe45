"""One session: the life of one output, as others see and control it. What drives it is in `supervisor.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import inf

from camcast.config import SessionConfig
from camcast.events import SessionState
from camcast.patience import wait_patiently
from camcast.session.connection import ConnectionManager
from camcast.session.environment import Environment
from camcast.session.fitting import Fitting
from camcast.session.health import Health, judge
from camcast.session.metrics import Recorder, SessionMetrics, Sketch
from camcast.session.platform_watch import PlatformWatch
from camcast.session.rounds import Rounds, shared
from camcast.session.stage import OnAir
from camcast.session.streams import Streams
from camcast.session.supervisor import Supervisor
from camcast.session.tracks import Tracks
from camcast.stream.feed import Feed
from camcast.stream.regulator import LOOK

STOP_DEADLINE = 5.0
"""Seconds in which a session ends cleanly, whatever its state."""
SAMPLE = 1.0
"""Seconds between two samples of the figures."""
STILL = 2.0
"""Seconds by which a look must be late to show that the loop stood still, or the whole process."""


class Session:
    """One session. All methods on the loop; `SessionManager` has the thread-safe door."""

    def __init__(
        self,
        config: SessionConfig,
        environment: Environment,
        feed: Feed,
        rounds: Rounds,
        others: Callable[[str], Feed | None] = lambda name: None,
    ) -> None:
        """`others` finds another stream of its camera by name; None = it is not there."""
        self.config = config
        self.key = config.key
        self.label = config.label
        self.recorder = Recorder()
        self._supervisor = Supervisor(config, environment, feed, self.recorder, look_soon=lambda: rounds.soon(self))
        self._feed = feed
        self._fitting = Fitting(config, feed, others, self._supervisor.telling, environment.uplinks)
        self._tracks = Tracks(config, Streams(feed, others), self._supervisor.telling)
        self._platform = PlatformWatch(self._supervisor.telling, self.recorder.flow)
        self._task: asyncio.Task[None] | None = None
        self._next_sample = 0.0
        self._due = inf
        """When the next look was to be."""

    # --- what others see ----------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        return self._supervisor.state

    @property
    def active(self) -> OnAir | None:
        """The attempt that publishes."""
        return self._supervisor.active

    @property
    def policy(self) -> ConnectionManager:
        return self._supervisor.policy

    @property
    def target_shown(self) -> str:
        """Redacted URL of the target in use, or of the one due next."""
        if self.active is not None:
            return self.active.shown
        return self.config.targets[self.policy.next_target() or 0].shown

    @property
    def health(self) -> Health:
        """How it is at this moment."""
        active, now = self.active, time.monotonic()
        overdue = active.outlet.picture_overdue(now) if active is not None else 0.0
        return judge(
            self.state,
            self._supervisor.orders.now.wish,
            acknowledged=active is not None and active.acknowledged(now),
            overdue=overdue > 0,
            media=self._feed.flowing(overdue),
            confirmed=active is None or not active.unconfirmed,
            impaired=active is not None and active.impaired,
        )

    @property
    def healthy(self) -> bool:
        """On the air: acknowledged, and with a picture gone out within its usual distance."""
        return self.health is Health.HEALTHY

    @property
    def metrics(self) -> SessionMetrics:
        """A snapshot."""
        policy = self.policy
        state, active = self.state, self.active
        due = policy.next_attempt_at if state is SessionState.ERROR else None
        due = policy.revive_at if state is SessionState.FAILED else due
        return self.recorder.snapshot(
            key=self.key,
            label=self.label,
            state=state,
            health=self.health,
            target=self.target_shown,
            redirected_from=active.attempt.redirected_from if active is not None else "",
            target_index=active.index if active is not None else self._supervisor.telling.last_index,
            retries=policy.attempt,
            next_attempt_at=None if due is None else time.time() + due - time.monotonic(),
            on_air=active,
            fitted=self._fitting.now,
            compared=self._platform.now,
            tracks=self._tracks.figures,
            scheduled=self._supervisor.orders.timetable.now,
        )

    @property
    def sketch(self) -> Sketch | None:
        """The figures that are kept; None = it is not on the air."""
        active = self.active
        if active is None or self.state is not SessionState.CONNECTED:
            return None
        figures, _ = active.figures()
        rate, _ = self.recorder.rate
        return Sketch(active.index, rate, self._fitting.now.adapted.bitrate, active.outlet.lag, figures)

    @property
    def frames_dropped(self) -> int:
        return self.recorder.frames_dropped

    # --- control ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; media and targets are waited for in the background."""
        if self._task is None:
            self._feed.pulse.listen(self._supervisor)
            self._task = asyncio.create_task(self._supervisor.run(), name=f"camcast-session-{self.label}")

    async def stop(self) -> None:
        """End cleanly, within `STOP_DEADLINE` whatever the state."""
        self._supervisor.orders.end()
        self._supervisor.interrupt()
        if self._task is not None and await wait_patiently({self._task}, STOP_DEADLINE):
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)
        self._feed.pulse.leave(self._supervisor)
        self._fitting.end()
        self._tracks.end()

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this configuration, on the air as it is; it differs in `ADOPTED` only."""
        self.config, self.label = config, config.label
        self._supervisor.adopt(config)
        self._fitting.adopt(config)

    def retry_now(self) -> None:
        """Skip the present wait; after giving up, begin anew."""
        self.policy.retry_now()
        self._supervisor.wake()

    def pause(self) -> None:
        """Unpublish and stay away until `resume`."""
        self._supervisor.orders.pause()
        self._supervisor.interrupt()

    def resume(self) -> None:
        self._supervisor.orders.publish()
        self.retry_now()

    def switch(self, target: int) -> None:
        """Publish on the chain's entry `target` (0 = primary): at a keyframe without a gap while connected.

        The session stays there, whatever better target there is, until it is switched again or the target is lost.
        Raises `ValueError` for an index that is not in the chain.
        """
        self.config.check_target(target)
        self._supervisor.switch(target)

    def tick(self, now: float) -> float:
        """Look after liveness, idleness and figures; see `camcast.session.rounds.Looked`."""
        late, self._due = now - self._due, inf
        if late > STILL:
            self.recorder.stood_still(late)
        due = self._supervisor.check(now)
        self._due = max(now, due)
        active = self.active
        fitting, platform = self._fitting, self._platform.watches(active)
        if fitting.used:
            fitting.look(active, now, self.recorder.flow.bytes, self._supervisor.beside, tracks=self._tracks.rate)
        self._tracks.look(active, now)
        if platform:
            self._platform.look(active, now, whole=not fitting.thin, slate=self._feed.slate.on_air)
        if active is None:
            return due
        if fitting.used or platform or self._tracks.any:
            due = min(due, shared(now + (LOOK if platform or self._tracks.any else fitting.pause(active))))
            self._due = max(now, due)
        if now >= self._next_sample:
            self._next_sample = shared(now + SAMPLE)
            self.recorder.sample()
            self._supervisor.telling.drops(over=False)
        return due
