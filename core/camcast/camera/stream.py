"""One stream of a camera: runs its source, brings it back when it is lost, and fills the feed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from camcast.camera.door import Door
from camcast.camera.handles import check_bitrate
from camcast.camera.run import STOP_DEADLINE, SourceRun
from camcast.camera.snapshot import Snapshot
from camcast.camera.stats import StreamMetrics
from camcast.config import CameraConfig, SlateConfig, StreamConfig
from camcast.errors import SourceError
from camcast.events import Event, SourceChanged, SourceNote, SourceState
from camcast.few import Bell
from camcast.session.connection import ConnectionManager
from camcast.session.environment import Environment
from camcast.stream.feed import Feed

log = logging.getLogger(__name__)

MOST_LEFT = 3
"""Threads of one source that hang; with so many it is not run again before one of them has ended."""
_GOOD_NEWS = frozenset({"encoder_chosen", "slate_off", "camera_odd"})
"""Codes of notes that nobody needs to act upon."""


class CameraStream:
    """Implements `StreamHandle`, and `FeedOwner` for its feed. Its first media makes it RUNNING."""

    def __init__(
        self, camera: CameraConfig, config: StreamConfig, environment: Environment, emit: Callable[[Event], object]
    ) -> None:
        self.config = config
        self.camera = camera
        self.label = config.label(camera.camera_id)
        self.state = SourceState.STOPPED
        self.restarts = 0
        self._error = ""
        """Why its source was last lost."""
        self._environment = environment
        self._emit = emit
        self._task: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._run: SourceRun | None = None
        self._door = Door()
        self._rest: list[SourceRun] = []
        """Former runs of which something has not ended."""
        self._hindered = False
        """Whether they keep it from being run again."""
        self._retry = Bell()
        self._policy = ConnectionManager(1, config.source.retry_policy)
        self._running_since = 0.0
        self._snapshot = Snapshot(environment.host.codec, environment.decoding)
        self.feed = Feed(environment.host, environment.handover, config.encoder, label=self.label, owner=self)

    @property
    def metrics(self) -> StreamMetrics:
        counters = self.feed.counters
        return StreamMetrics(
            camera_id=self.camera.camera_id,
            stream_id=self.config.stream_id,
            label=self.label,
            state=self.state,
            video_received=counters.received.video,
            audio_received=counters.received.audio,
            bytes_received=counters.bytes,
            dropped={f"{kind.value}: {reason}": count for (kind, reason), count in counters.dropped.items()},
            restarts=self.restarts,
            last_error=self.last_error,
            next_attempt_at=self._wall(self._due),
            silent_for=self._silent_for,
            waits_for=self._door.waits_for,
            refused=dict(self._door.refused),
            clock_jumps=self.feed.clock.jumps,
            pictured=self.feed.keyframe is not None,
            renditions=len(self.feed.renditions),
            transcoders=self.feed.transcoders,
        )

    @property
    def last_error(self) -> str:
        """Why its source was lost; "" again once it has run for as long as makes it stable."""
        stable = self.config.source.retry_policy.stable_after
        ran = time.monotonic() - self._running_since if self.state is SourceState.RUNNING else 0.0
        return "" if ran >= stable and self.state is SourceState.RUNNING else self._error

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._supervise(), name=f"camcast-source-{self.label}")
            slate = self.config.slate
            if slate is not None and slate.enabled:
                self._watcher = asyncio.create_task(self._watch(slate), name=f"camcast-slate-{self.label}")

    async def stop(self) -> None:
        """End the source within `STOP_DEADLINE`, then the feed."""
        task, self._task = self._task, None
        if self._watcher is not None:
            self._watcher.cancel()
        if task is not None:
            task.cancel()
            _, pending = await asyncio.wait({task}, timeout=STOP_DEADLINE)
            if pending:
                log.error("Source %s did not stop within %g s", self.label, STOP_DEADLINE)
        self.feed.close()
        self._to(SourceState.STOPPED)

    def request_keyframe(self) -> bool:
        return self.feed.request_keyframe()

    def set_bitrate(self, bitrate_kbps: int) -> bool:
        check_bitrate(bitrate_kbps)
        return self.feed.set_bitrate(bitrate_kbps * 1000)

    def adopt(self, config: StreamConfig) -> None:
        """Go on by this, which differs in its name, its bitrate, or when a lost source is tried again."""
        self.config, self.label = config, config.label(self.camera.camera_id)
        self._policy.adopt(config.source.retry_policy, auto_reconnect=True)
        self.feed.adopt(config.encoder, self.label)
        self._retry.set()

    async def snapshot(self, *, small: bool = False) -> bytes:
        return await self._snapshot.take(self.feed.keyframe, small=small)

    def retry_now(self) -> None:
        """Skip the present wait; after giving up, begin anew."""
        self._policy.retry_now()
        self._retry.set()

    async def _supervise(self) -> None:
        """Run the source, again and again, until its media ends. Giving up is not for ever, as with sessions."""
        while True:
            error = await self._run_once()
            if error is None:
                self._to(SourceState.ENDED)
                return
            self._error = str(error)
            self._policy.on_disconnect(error.error_class)
            if not self._given_up:
                await self._wait_for_rest()
            await self._wait()
            await self._wait_for_rest()
            self.restarts += 1
            self.feed.discontinuity()

    async def _run_once(self) -> SourceError | None:
        """One run of the source; returns as `SourceRun.run` does."""
        self._to(SourceState.STARTING)
        self.feed.expect_media()
        started = time.monotonic()
        self._run = SourceRun(self.camera, self.config, self.label, self._environment, self.note, self._door)
        run = self._run
        try:
            error = await run.run(self.feed)
        finally:
            self._run = None
        if run.rest is not None:
            self._rest.append(run)
        if self.state is SourceState.RUNNING:
            self._policy.on_flow(time.monotonic() - started)
        return error

    async def _wait_for_rest(self) -> None:
        """As long as what is left of former runs keeps the source from being run again: one that may still fill the
        feed, or as many threads as a source may leave behind."""
        while True:
            self._rest = [run for run in self._rest if run.rest is not None and not run.rest.done()]
            holds_sink = any(run.holds_sink for run in self._rest)
            if not holds_sink and len(self._rest) < MOST_LEFT:
                return
            what = "it ignores being cancelled" if holds_sink else f"{len(self._rest)} of its threads hang"
            # Not FAILED: what has failed and may not revive counts as over.
            self._to(SourceState.WAITING, f"{self._error}; {what}: it is started again once that has ended")
            self._hindered = True
            try:
                await asyncio.wait([run.rest for run in self._rest if run.rest], return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._hindered = False

    async def _wait(self) -> None:
        """Until the source is due again: after the policy's delay, or after giving up when it may be revived."""
        policy = self._policy
        if policy.failed:
            self._to(SourceState.FAILED, self._error, revive_at=self._wall(policy.revive_at))
        else:
            self._to(SourceState.WAITING, f"{self._error}; next try in {policy.get_backoff_delay():g}s")
        # When it is due may be changed meanwhile: by a call, or by another policy.
        while (due := policy.revive_at if policy.failed else policy.next_attempt_at) is None or due > time.monotonic():
            self._retry.clear()
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else max(0.0, due - time.monotonic())):
                    await self._retry.wait()
        log.debug("Source %s: trying again", self.label)
        if policy.failed:
            policy.revive()

    @property
    def _given_up(self) -> bool:
        """Whether it is not run again by itself."""
        return self._policy.failed and self._policy.revive_at is None

    @property
    def _due(self) -> float | None:
        """Clock time of the next run while there is none; None = never, or not known."""
        if self._hindered:
            return None
        if self.state is SourceState.WAITING:
            return self._policy.next_attempt_at
        return self._policy.revive_at if self.state is SourceState.FAILED else None

    @staticmethod
    def _wall(clock: float | None) -> float | None:
        """`time.time()` of a clock time."""
        return None if clock is None else time.time() + clock - time.monotonic()

    async def _watch(self, slate: SlateConfig) -> None:
        """Put the slate on the air while the source is gone, for as long as the configuration says."""
        while True:
            await asyncio.sleep(min(slate.after / 4, 0.25))
            silent = self.feed.pulse.silent_for
            if silent is None or silent < slate.after or self.state is SourceState.ENDED:
                continue
            if slate.up_to is not None and silent >= slate.up_to:
                self.feed.slate.end()
            elif not self.feed.slate.on_air:
                self.feed.slate.show(slate, self.camera.name)

    @property
    def _silent_for(self) -> float | None:
        """Seconds in which its running source has brought nothing; None = it does not run."""
        if self.state is not SourceState.RUNNING:
            return None
        return self.feed.pulse.silent_for

    # --- FeedOwner ------------------------------------------------------------------------------------------

    def condition(self) -> str:
        if self._door.waits_for:
            return f"the source waits for {self._door.waits_for}"
        silent = self._silent_for
        if silent is not None:
            return f"the source runs, but has brought nothing for {silent:.0f} s"
        return f"the source is {self.state.value}" + (f": {self._error}" if self._error else "")

    def media_begins(self) -> None:
        if self.state is SourceState.STARTING:
            self._running_since = time.monotonic()
            self._to(SourceState.RUNNING)

    def ask_source(self) -> bool:
        return self._run is not None and self._run.request_keyframe()

    def fault(self, error: SourceError) -> None:
        if self._run is not None:
            self._run.fail(error)

    def _to(self, new: SourceState, reason: str = "", *, revive_at: float | None = None) -> None:
        old, self.state = self.state, new
        if old is not new:
            self._emit(
                SourceChanged(
                    label=self.label,
                    camera_id=self.camera.camera_id,
                    stream_id=self.config.stream_id,
                    old=old,
                    new=new,
                    reason=reason,
                    revive_at=revive_at,
                )
            )

    def note(self, code: str, text: str) -> None:
        self._emit(
            SourceNote(
                label=self.label,
                camera_id=self.camera.camera_id,
                stream_id=self.config.stream_id,
                code=code,
                message=text,
                level="info" if code in _GOOD_NEWS else "warning",
            )
        )
