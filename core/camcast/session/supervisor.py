"""What drives one session: a loop that cannot die, at most one active attempt, and its standby beside it.

One task with one `wake` event: whatever happens (a loss, an order, media stopping, a candidate standing ready) sets it,
and the loop looks at what is wanted and at what there is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from camcast.config import SessionConfig
from camcast.errors import NetworkError, TransportError
from camcast.events import SessionState
from camcast.few import Bell
from camcast.media import MediaKind
from camcast.patience import set_or_due
from camcast.session.adopting import adopt
from camcast.session.attempt import Attempt
from camcast.session.connection import ConnectionManager
from camcast.session.environment import Environment
from camcast.session.failures import Failures
from camcast.session.ghosts import Ghosts
from camcast.session.metrics import Recorder
from camcast.session.move import Request
from camcast.session.opening import Failed, Interrupted, Opened, Opener, Opening
from camcast.session.parting import Parting
from camcast.session.pauses import Pauses
from camcast.session.redirects import Redirects
from camcast.session.stage import OnAir, Published
from camcast.session.standby import Standby
from camcast.session.state import StateMachine, Trigger
from camcast.session.telling import Telling
from camcast.session.timetable import Scheduled, Timetable
from camcast.session.wanted import Orders, Wanted, Wish
from camcast.stream.feed import Feed
from camcast.stream.flow import FlowCounters
from camcast.target import Target

log = logging.getLogger(__name__)


class Supervisor:
    """Of one session. Implements `Front` (and so `AttemptOwner`) for its attempts, and `FlowListener` for its feed."""

    def __init__(
        self,
        config: SessionConfig,
        environment: Environment,
        feed: Feed,
        recorder: Recorder,
        *,
        look_soon: Callable[[], None],
    ) -> None:
        """`look_soon`: `check` is to be called, now that there is something to look after."""
        self.active: OnAir | None = None
        self.policy = ConnectionManager(len(config.targets), config.retry_policy, auto_reconnect=config.auto_reconnect)
        timetable = Timetable(config.schedule, self._turned)
        self.orders = Orders(lambda: feed.flowing(self._config.idle_timeout), lambda: feed.condition, timetable)
        self.telling = Telling(config.key, config.label, environment.emit, Pauses(config.idle_timeout))
        self.flow: FlowCounters = recorder.flow
        self._config = config
        self._feed = feed
        self._recorder = recorder
        self._look_soon = look_soon
        self._machine = StateMachine()
        self._wake = Bell()
        self._opening: Opening | None = None
        self._detour: tuple[Target, str] | None = None
        """Where the server that is being connected to wants the session to be: its target, and the new URL."""
        self._hosts = hosts = environment.hosts
        self._failures = Failures(config, self.policy, self._machine, recorder, self.telling, hosts, self.wake)
        self._ghosts = Ghosts()
        self._redirects = Redirects(config.allow_redirect_hosts, self.note)
        self._parting = Parting()
        self._opener = Opener(config, environment, feed, self._parting)
        self._standby = Standby(config, self._opener, self)

    @property
    def state(self) -> SessionState:
        return self._machine.state

    @property
    def beside(self) -> OnAir | None:
        """A second place that is published besides the active one."""
        return self._standby.twin.on_air

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this, which differs in nothing that publishing depends on."""
        self._config = config
        adopt(config, self._failures, self._redirects, self._opener, self._standby, self.active, self.orders.timetable)
        self._look_soon()
        self.wake()

    # --- orders -------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something has changed: look at it."""
        self._wake.set()

    media_flows = wake

    def interrupt(self) -> None:
        """What is wanted has changed: what is being opened is not wanted as it is."""
        if self._opening is not None:
            self._opening.interrupt()
        self.wake()

    def switch(self, target: int) -> None:
        """Publish on the chain's entry `target`, and stay there."""
        if self.active is None:
            self.policy.choose(target)
            self.interrupt()
        elif self.active.index == target:
            self.policy.chosen = target
            self._standby.stay(self.active)
        else:
            self._standby.ask(Request("switch", target))

    def check(self, now: float) -> float:
        """Liveness and idleness; returns when to call it next, inf = after `look_soon`."""
        due = min(self._standby.check(now), now + self.orders.timetable.look())
        active = self.active
        if active is None:
            return due
        active.check(now)
        self._standby.suspect(active.liveness.suspicious(now))
        if active.flow_since is not None and self.policy.on_flow(now - active.flow_since) and not active.index:
            # Back where it is to be: what was wrong before is past. On a fallback it is why it is there.
            self._recorder.last_error = ""
        if not self.orders.now.on_air:
            self.wake()
        return min(due, active.due(now))

    def _turned(self, scheduled: Scheduled) -> None:
        """It has gone on or off the air by its schedule."""
        self.telling.scheduled(scheduled)
        if not scheduled.off:
            self.policy.retry_now()  # what went wrong the last time is past
        self.interrupt()

    # --- AttemptOwner, Front ------------------------------------------------------------------------------

    def note(self, code: str, text: str) -> None:
        self.telling.note(code, text)

    def dropped(self, kind: MediaKind) -> None:
        self.telling.dropped(kind)

    def renew(self, attempt: Attempt) -> None:
        """Publish anew on the same target: the spare there is ready."""
        if self.active is not None and attempt is self.active.attempt:
            self.telling.renews()
            self.outdated(attempt, "its connection is renewed")

    def begun(self, attempt: Attempt) -> None:
        if self.active is not None and attempt is self.active.attempt:
            self.telling.begun()

    def redirected(self, attempt: Attempt, url: str) -> None:
        """Followed within the rules: at once while it is being opened, else by a planned move."""
        active = self.active is not None and attempt is self.active.attempt
        opening = self._opening is not None and attempt is self._opening.attempt
        if attempt.target is None or not (active or opening):
            return
        stable = active and self.policy.stable
        if not self._redirects.follow(attempt.target.url, url, attempt.shown, stable=stable):
            return
        if opening:
            self._detour = (attempt.target, url)
        else:
            self._standby.ask(Request("redirect", attempt.index, url))

    def outdated(self, attempt: Attempt, why: str = "the stream's tracks changed") -> None:
        """Published anew, on the same target."""
        active = self.active is not None and attempt is self.active.attempt
        opening = self._opening is not None and attempt is self._opening.attempt
        if active or opening:
            self.policy.prefer(attempt.index)
            self.orders.anew(why)
            self.interrupt()
        else:
            attempt.lost(NetworkError("the stream's tracks changed meanwhile", stage="streaming"))

    # --- the loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the end is wanted; then nothing is left."""
        try:
            while (wanted := self._look()).wish is not Wish.END:
                try:
                    await self._step(wanted)
                except Exception as error:
                    log.exception("Session %s: internal error", self._config.label)
                    await self._leave(clean=False)
                    self._failures.failed(
                        NetworkError(f"internal error: {type(error).__name__}", stage="internal"), None
                    )
        finally:
            await self._leave(clean=True)
            await self._parting.gone()
            self._failures.to(Trigger.DISCONNECT, "stopped")

    def _look(self) -> Wanted:
        """What is wanted now. First cleared, then looked at: what is told from here on is not missed."""
        self._wake.clear()
        if self.orders.timetable.any:
            self.orders.timetable.look()
        return self.orders.now

    async def _step(self, wanted: Wanted) -> None:
        """Do what is due, or wait until something changes."""
        if not wanted.on_air and not (self.policy.failed and wanted.wish is Wish.WAIT):
            if not self._feed.flowing(self._config.idle_timeout):
                self._feed.pulse.idle()
            self._failures.to(Trigger.DISCONNECT, wanted.reason)
            self._recorder.rest()
            if wanted.wish is Wish.WAIT:
                self.telling.waits()
            await self._standby.pool.close()
            await self._wake.wait()
            return
        self.telling.goes_on()
        self.orders.left()
        self._recorder.down()
        target = self.policy.next_target()
        if target is not None:
            await self._try(target)
        elif self.policy.failed:
            await _revival(self.policy, self._wake)
        else:
            await set_or_due(self._wake, self.policy.next_attempt_at)

    async def _try(self, index: int) -> None:
        """One attempt on `index`, and one more where the server that refuses it names another address."""
        self._failures.to(
            Trigger.RECONNECT if self.state in (SessionState.ERROR, SessionState.FAILED) else Trigger.CONNECT
        )
        opening = self._opener.of_pool(self._standby.pool, index, self)
        detour, retries = None, self.policy.attempt
        while True:
            self._opening, self._detour = opening, None
            self._recorder.attempts += 1
            try:
                outcome = await opening.run(
                    redirect=detour, prepared=lambda place: self.telling.started(retries, place)
                )
            finally:
                self._opening = None
            match outcome:
                case Opened(published):
                    self._go_live(published.start(), "failover")
                    self._follow_late(published)
                    return await self._live()
                case Interrupted():
                    return self._failures.to(Trigger.DISCONNECT, self.orders.now.reason or "interrupted")
                case Failed(attempt, error):
                    detour = self._detour
                    if detour is None:
                        return self._failures.failed(self._ghosts.explain(error, attempt.name), attempt)
            opening = self._opener.new(index, self)

    def _follow_late(self, published: Published) -> None:
        """Told to go elsewhere while it was connecting, and yet the server took it: follow now."""
        detour, self._detour = self._detour, None
        if detour is not None:
            self._standby.ask(Request("redirect", published.attempt.index, detour[1]))

    def _go_live(self, on_air: OnAir, why: str, *, gap: float | None = None) -> None:
        """`on_air` is the active one from now on."""
        attempt = on_air.attempt
        self.active = on_air
        self._look_soon()
        self._hosts.reached(attempt.host)
        attempt.lost_error.add_done_callback(lambda _: self.wake())
        if self.state is SessionState.CONNECTING:
            self.policy.on_connected(attempt.index)
            self._failures.to(Trigger.SUCCESS)
        else:
            # Made beside the active one; from here on it counts, as it may be lost like any other.
            self._recorder.attempts += 1
            self.policy.moved_to(attempt.index, chosen=why == "switch")
        self._recorder.up()
        took = time.monotonic() - attempt.started_at
        begun = on_air.outlet.sending
        if self.telling.on_air(attempt.index, attempt.shown, took=took, why=why, gap=gap, begun=begun):
            self._recorder.moves += 1
        self._standby.begin(on_air, chosen=self.policy.chosen == attempt.index)

    async def _live(self) -> None:
        """Stay until the active attempt is lost or is no longer wanted; it may change meanwhile."""
        while (active := self.active) is not None:
            wanted = self._look()
            ready = self._standby.mover.ready
            if ready is not None:
                self._move(active, ready, self._standby.mover.why)
            elif active.attempt.lost_error.done():
                self._lost(active, active.attempt.lost_error.result())
            elif wanted.wish is not Wish.PUBLISH:
                await self._leave(clean=True, spares=wanted.wish is not Wish.ANEW)
                self._failures.to(Trigger.DISCONNECT, wanted.reason)
            else:
                await self._wake.wait()

    def _move(self, old: OnAir, new: OnAir, why: str) -> None:
        """The candidate has begun at a keyframe: let the old attempt go."""
        self._retire(old, clean=True)
        new.attempt.owner = self
        self._go_live(new, why, gap=0.0)

    def _lost(self, active: OnAir, error: TransportError) -> None:
        """The twin carries on, and nothing was off the air; else the session is."""
        published = active.published
        error = self._ghosts.explain(error, published.name, published.at, active.flow_since)
        twin = self._standby.twin.take()
        if twin is not None:
            self._failures.note(error, active.attempt)
            self._retire(active, clean=False)
            twin.attempt.adopt(self)
            self._go_live(twin, "failover", gap=0.0)
            return
        self.telling.off_air(active.outlet.unseen_since)
        self._failures.failed(error, active.attempt)
        self._standby.end()
        self._off_air(active, clean=False)

    async def _leave(self, *, clean: bool, spares: bool = True) -> None:
        """Off the air, with everything beside; the spares too, or not."""
        if self.active is not None:
            self._off_air(self.active, clean=clean)
        await self._standby.stop(spares=spares)
        await self._parting.gone()

    def _off_air(self, active: OnAir, *, clean: bool) -> None:
        self.active = None
        self._recorder.down()
        self.telling.off_air()
        self._retire(active, clean=clean)

    def _retire(self, old: OnAir, *, clean: bool) -> None:
        self._ghosts.remember(old.published.name, old.published.at)
        self._opener.let_go(old.attempt, clean=clean)


async def _revival(policy: ConnectionManager, wake: Bell) -> None:
    """It has given up: wait until it is to be tried again, or something changes."""
    if policy.revive_at is None:
        await wake.wait()
    elif time.monotonic() < policy.revive_at:
        await set_or_due(wake, policy.revive_at)
    else:
        policy.revive()
