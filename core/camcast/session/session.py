"""The life of one output: a supervisor that cannot die, at most one active attempt and one beside it.

The supervisor is one task with one `wake` event: whatever happens (a loss, a command, media stopping, a
candidate standing ready) sets it, and the loop looks at the flags.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from camcast.config import SessionConfig
from camcast.errors import ErrorClass, NetworkError, TransportError
from camcast.events import (
    AttemptFailed,
    AttemptStarted,
    Connected,
    GaveUp,
    Moved,
    Note,
    RetryScheduled,
    SessionEvent,
    SessionState,
    StateChanged,
)
from camcast.media import MediaKind
from camcast.session.aside import Aside
from camcast.session.attempt import Attempt, host_of
from camcast.session.connection import ConnectionManager
from camcast.session.environment import Environment
from camcast.session.episode import Episode
from camcast.session.ghosts import Ghosts
from camcast.session.hosts import Waiter
from camcast.session.metrics import Recorder, SessionMetrics
from camcast.session.parting import Parting
from camcast.session.state import StateMachine, Trigger
from camcast.stream.feed import Feed
from camcast.target import Target

log = logging.getLogger(__name__)

STOP_DEADLINE = 5.0


class Session:
    """One session. All methods on the loop; `SessionManager` has the thread-safe door."""

    def __init__(self, config: SessionConfig, environment: Environment, feed: Feed) -> None:
        self.config = config
        self.key = config.key
        self.label = config.label
        self.recorder = Recorder()
        self.active: Attempt | None = None
        self.policy = ConnectionManager(len(config.targets), config.retry_policy, auto_reconnect=config.auto_reconnect)
        self._environment = environment
        self._feed = feed
        self._machine = StateMachine()
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._waiter = Waiter(self._host_is_back)
        self._stopping = False
        self._paused = False
        self.opening: Attempt | None = None
        self._last_shown = ""
        self._last_index: int | None = None
        self._off_since: float | None = None
        self._ghosts = Ghosts()
        self._aside = Aside(self, environment, feed)
        self._episode: Episode | None = None
        self._next_sample = 0.0
        self._idle = False
        self._interrupt = False
        self._outdated_attempt: Attempt | None = None
        self._hosts: dict[int, str] = {}
        """Where each target was last looked for: a plugin may name another host than the configuration."""
        self._parting = Parting(self.label)

    # --- what others see ----------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        return self._machine.state

    @property
    def target_shown(self) -> str:
        """Redacted URL of the target in use, or of the one due next."""
        if self.active is not None:
            return self.active.shown
        return self.config.targets[self.policy.next_target() or 0].shown

    @property
    def healthy(self) -> bool:
        """Publishing, or waiting for nothing but media."""
        return self.state is SessionState.CONNECTED or (self.state is SessionState.DISCONNECTED and not self._stopping)

    @property
    def metrics(self) -> SessionMetrics:
        """A snapshot."""
        waiting = self.state is SessionState.ERROR
        return self.recorder.snapshot(
            key=self.key,
            label=self.label,
            state=self.state,
            target=self.target_shown,
            target_index=self.active.index if self.active is not None else (self._last_index or 0),
            retries=self.policy.attempt,
            next_attempt_at=time.time() + self.policy.next_attempt_at - time.monotonic() if waiting else None,
            transport=self.active.transport if self.active is not None else None,
            outlet=self.active.outlet if self.active is not None else None,
        )

    # --- control ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; media and targets are waited for in the background."""
        if self._task is None:
            self._feed.on_flow.append(self._wake.set)
            self._task = asyncio.create_task(self._supervise(), name=f"camcast-session-{self.label}")

    async def stop(self) -> None:
        """End cleanly, within `STOP_DEADLINE` whatever the state."""
        self._stopping = True
        self._nudge()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=STOP_DEADLINE)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=1.0)
        if self._wake.set in self._feed.on_flow:
            self._feed.on_flow.remove(self._wake.set)

    def retry_now(self) -> None:
        """Skip the present wait; after giving up, begin anew."""
        self.policy.retry_now()
        self._wake.set()

    def pause(self) -> None:
        """Unpublish and stay away until `resume`."""
        self._paused = True
        self._nudge()

    def resume(self) -> None:
        self._paused = False
        self.policy.retry_now()
        self._wake.set()

    def switch(self, target: int) -> None:
        """Publish on the chain's entry `target` (0 = primary): at a keyframe without a gap while connected.

        Raises `ValueError` for an index that is not in the chain.
        """
        self.config.check_target(target)
        if self.active is None:
            self.policy.prefer(target)
            self._nudge()
        elif self.active.index != target:
            self._aside.move_to(target)

    def tick(self, now: float) -> None:
        """Called about ten times a second: liveness, idleness, figures."""
        active = self.active
        if active is not None:
            active.check(now)
            self._aside.check(now)
            if active.flow_since is not None:
                self.policy.on_flow(now - active.flow_since)
            if 0 < active.stall_due(now) < 0.1:
                asyncio.get_running_loop().call_later(
                    active.stall_due(now) + 0.001, lambda: active.check(time.monotonic())
                )
            if not self._idle and not self._feed.flowing(self.config.idle_timeout):
                self._idle = True
                self._feed.idle()
                self._wake.set()
            if now >= self._next_sample:
                self._next_sample = now + 1.0
                self.recorder.sample(now)
                self._tell_drops(over=False)

    # --- the supervisor -----------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        try:
            while not self._stopping:
                try:
                    await self._step()
                except Exception as error:
                    log.exception("Session %s: internal error", self.label)
                    await self._release()
                    self._failed(NetworkError(f"internal error: {type(error).__name__}", stage="internal"), None)
        finally:
            await self._release(clean=True)
            await self._parting.gone()
            self._to(Trigger.DISCONNECT, "stopped")

    async def _step(self) -> None:
        """Do what is due, or wait until something changes."""
        self._wake.clear()
        self._interrupt = False
        if self._paused or not self._feed.flowing(self.config.idle_timeout):
            self._feed_idle()
            self._to(Trigger.DISCONNECT, "paused" if self._paused else "waiting for media")
            await self._wake.wait()
            return
        self._idle = False
        if self.policy.failed:
            await self._wake.wait()
            return
        target = self.policy.next_target()
        if target is None:
            await self._sleep_until(self.policy.next_attempt_at)
            return
        await self._try(target)

    def _feed_idle(self) -> None:
        if not self._feed.flowing(self.config.idle_timeout):
            self._feed.idle()

    async def _try(self, index: int) -> None:
        """One attempt on `index`, and one more where the server that refuses it names another address."""
        spare = self._aside.take_spare(index)
        if spare is not None:
            self.adopt(spare)
        self._to(Trigger.RECONNECT if self.state in (SessionState.ERROR, SessionState.FAILED) else Trigger.CONNECT)
        attempt = spare or self.new_attempt(index)
        detour: tuple[Target, str] | None = None
        while True:
            error = await self._try_once(attempt, connected=attempt is spare, detour=detour)
            if error is None:
                break
            self._parting.let_go(attempt)
            detour = self._aside.take_detour()
            if detour is None:
                self._failed(self._ghosts.explain(attempt, error), attempt)
                return
            attempt = self.new_attempt(index)
        if attempt.published_at is not None:
            self._go_live(attempt, "failover")
            await self._live()

    async def _try_once(
        self, attempt: Attempt, *, connected: bool, detour: tuple[Target, str] | None
    ) -> TransportError | None:
        """Open `attempt`. Returns why it failed; None also when a command ended it, then it is not published."""
        self.opening = attempt
        self.recorder.attempts += 1
        try:
            if not await self._unless_interrupted(self._open(attempt, connected=connected, detour=detour)):
                await attempt.close(clean=False)
                attempt.published_at = None
                if self.state is SessionState.CONNECTING:
                    self._to(Trigger.DISCONNECT, "interrupted")
        except TransportError as error:
            return error
        finally:
            self.opening = None
        return None

    async def _open(self, attempt: Attempt, *, connected: bool, detour: tuple[Target, str] | None) -> None:
        if not connected:
            await attempt.prepare(self.policy.attempt, detour)
        self.emit(
            AttemptStarted(
                label=self.label,
                key=self.key,
                attempt=self.policy.attempt,
                target=attempt.shown,
                target_index=attempt.index,
            )
        )
        await self._parting.gone(attempt)
        if not connected:
            await attempt.connect()
        await attempt.publish()

    def _go_live(self, attempt: Attempt, why: str, *, gap: float | None = None) -> None:
        """`attempt` publishes from now on."""
        now = time.monotonic()
        self._environment.hosts.reached(attempt.host)
        if attempt.outlet is None:
            attempt.start()
        self.active = attempt
        attempt.lost_error.add_done_callback(lambda _: self._wake.set())
        if self.state is SessionState.CONNECTING:
            self.policy.on_connected(attempt.index)
            self._to(Trigger.SUCCESS)
        else:
            self.policy.moved_to(attempt.index)
        self.recorder.up()
        self.emit(
            Connected(
                label=self.label,
                key=self.key,
                target=attempt.shown,
                target_index=attempt.index,
                took=now - attempt.started_at,
            )
        )
        if self._last_shown and (self._last_index != attempt.index or why == "redirect"):
            self.recorder.moves += 1
            off = now - self._off_since if self._off_since is not None else 0.0
            self.emit(
                Moved(
                    label=self.label,
                    key=self.key,
                    why="failback" if why == "failover" and self._last_index and not attempt.index else why,
                    old=self._last_shown,
                    new=attempt.shown,
                    gap=off if gap is None else gap,
                )
            )
        self._off_since = None
        self._last_shown, self._last_index = attempt.shown, attempt.index
        self._aside.begin(attempt)

    async def _live(self) -> None:
        """Stay until the active attempt is lost or is no longer wanted; it may change meanwhile."""
        while True:
            # First cleared, then looked at: what is told while a move is made must not be missed.
            self._wake.clear()
            active = self.active
            assert active is not None
            ready = self._aside.ready()
            if ready is not None:
                await self._move(ready)
                continue
            if active.lost_error.done():
                error = self._ghosts.explain(active, active.lost_error.result())
                promoted = self._aside.take_hot()
                if promoted is not None:
                    await self._promote(active, promoted, error)
                    continue
                self._failed(error, active)
                await self._drop_active(clean=False)
                return
            if self._outdated_attempt is active:
                await self._release(clean=True)
                self._to(Trigger.DISCONNECT, "the stream's tracks changed")
                self.policy.prefer(active.index)
                return
            if self._stopping or self._paused or self._idle:
                await self._release(clean=True)
                self._to(Trigger.DISCONNECT, "paused" if self._paused else "no media" if self._idle else "stopped")
                return
            await self._wake.wait()

    async def _move(self, candidate: Attempt) -> None:
        """The candidate has begun at a keyframe: let the old attempt go."""
        old, self.active = self.active, None
        why = self._aside.why
        self._aside.end()
        self._go_live(candidate, why, gap=0.0)
        if old is not None:
            self._ghosts.remember(old)
            await old.close(clean=True)

    async def _promote(self, old: Attempt, hot: Attempt, error: TransportError) -> None:
        """The hot twin carries on; nothing was off air."""
        self._note_failure(old, error)
        self.active = None
        self._ghosts.remember(old)
        self._aside.end()
        self.adopt(hot)
        self._go_live(hot, "failover", gap=0.0)
        self._parting.let_go(old)

    async def _release(self, *, clean: bool = False) -> None:
        await asyncio.gather(self._aside.stop(), self._drop_active(clean=clean))

    async def _drop_active(self, *, clean: bool) -> None:
        active, self.active = self.active, None
        if active is None:
            return
        self._off_since = time.monotonic()
        self.recorder.down()
        self._tell_drops(over=True)
        self._ghosts.remember(active)
        self._aside.keep_spare()
        if clean:
            await active.close(clean=True)
        else:
            self._parting.let_go(active)

    # --- failures -----------------------------------------------------------------------------------------

    def _failed(self, error: TransportError, attempt: Attempt | None) -> None:
        index = attempt.index if attempt is not None else None
        if attempt is not None:
            self._hosts[attempt.index] = attempt.host
        text = self._note_failure(attempt, error)
        if self._off_since is None:
            self._off_since = time.monotonic()
        if self.state in (SessionState.CONNECTING, SessionState.CONNECTED):
            self._to(Trigger.FAILURE if self.state is SessionState.CONNECTING else Trigger.ERROR, text)
        self.policy.on_disconnect(error.error_class, index, error.retry_after)
        if self.policy.failed:
            if self.state is SessionState.ERROR:
                self._to(Trigger.GIVE_UP, text)
            self.emit(GaveUp(label=self.label, key=self.key, attempts=self.policy.attempt, error=text))
            return
        delay = self.policy.get_backoff_delay()
        if delay > 0:
            for number, target in enumerate(self.config.targets):
                host = self._hosts.get(number) or host_of(target.url)
                if host:
                    self._environment.hosts.failed(host, self._waiter)
            wait = self.policy.next_attempt_at - time.monotonic()
            self.emit(
                RetryScheduled(
                    label=self.label,
                    key=self.key,
                    attempt=self.policy.attempt,
                    delay=delay,
                    next_attempt_at=time.time() + wait,
                )
            )

    def _note_failure(self, attempt: Attempt | None, error: TransportError) -> str:
        """Count and tell; returns what was told, without secrets."""
        text = attempt.scrub(str(error)) if attempt is not None else str(error)
        self.recorder.failure(error.error_class, text)
        self.emit(
            AttemptFailed(
                label=self.label,
                key=self.key,
                attempt=self.policy.attempt,
                target=attempt.shown if attempt is not None else self.target_shown,
                error_class=error.error_class,
                error=text,
                stage=error.stage,
            )
        )
        return text

    def _host_is_back(self) -> None:
        """Another session got through to a host that we wait for."""
        may = self.policy.last_reason is not ErrorClass.REFUSED and not self.policy.asked_to_wait
        if self.state is SessionState.ERROR and may:
            self.retry_now()

    # --- small --------------------------------------------------------------------------------------------

    def new_attempt(self, index: int) -> Attempt:
        """A fresh attempt whose frames are the session's."""
        return Attempt(
            self.config,
            index,
            self._environment,
            self._feed,
            self.recorder.flow,
            on_redirect=self._aside.redirected,
            on_drop=self._dropped,
            on_outdated=self._outdated,
        )

    def adopt(self, attempt: Attempt) -> None:
        """`attempt` stood beside; what it carries and tells is the session's from now on."""
        attempt.adopt(
            self.recorder.flow,
            on_redirect=self._aside.redirected,
            on_drop=self._dropped,
            on_outdated=self._outdated,
        )

    def let_go(self, attempt: Attempt, *, clean: bool) -> None:
        """Close an attempt in the background; its name is not used again before it is gone."""
        self._parting.let_go(attempt, clean=clean)

    def nudge(self) -> None:
        """Something beside the active attempt is ready."""
        self._wake.set()

    def _nudge(self) -> None:
        self._interrupt = True
        self._wake.set()

    async def _unless_interrupted(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run `work`; False when a command ended it before its time. Raises what `work` raises."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                waker = asyncio.ensure_future(self._wake.wait())
                try:
                    await asyncio.wait({task, waker}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waker.cancel()
                if self._interrupt and not task.done():
                    return False
                self._wake.clear()
            task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=STOP_DEADLINE)
            if self._interrupt or self._idle:
                self._wake.set()
        return True

    async def _sleep_until(self, when: float) -> None:
        wait = when - time.monotonic()
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _to(self, trigger: Trigger, reason: str = "") -> None:
        old, new = self._machine.feed(trigger)
        if old is not new:
            self.emit(StateChanged(label=self.label, key=self.key, old=old, new=new, reason=reason))

    def emit(self, event: SessionEvent) -> None:
        self._environment.emit(event)

    def note(self, code: str, text: str) -> None:
        self.emit(Note(label=self.label, key=self.key, code=code, message=text))

    def _outdated(self, attempt: Attempt) -> None:
        """What `attempt` publishes is no more what the stream is: published anew, on the same target."""
        if attempt is self.active or attempt is self.opening:
            self._outdated_attempt = attempt
            self._wake.set()
        else:
            attempt.lost(NetworkError("the stream's tracks changed meanwhile", stage="streaming"))

    def _dropped(self, kind: MediaKind) -> None:
        if self._episode is None:
            self._episode = Episode(self.key, self.label)
            self._episode.add(kind)
            self.emit(self._episode.tell())
        else:
            self._episode.add(kind)

    def _tell_drops(self, *, over: bool) -> None:
        if self._episode is not None:
            event = self._episode.tell(over=over)
            self.emit(event)
            if event.over:
                self._episode = None
