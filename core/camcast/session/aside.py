"""What goes on beside a session's active attempt: a spare or twin standing by, and planned moves.

At most one other attempt exists at a time. A planned move (failback, redirect, switch) opens a candidate, lets
it stand for `HOLD`, and takes over at the next keyframe: the candidate's outlet is fed first and closes the
old one before that keyframe reaches it, so no frame is missing and none is sent twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from camcast.errors import CamcastError, TransportError
from camcast.events import SessionState
from camcast.session.attempt import Attempt
from camcast.session.environment import Environment
from camcast.session.pool import SessionPool
from camcast.session.redirects import MAX_HOPS, refusal
from camcast.stream.feed import Feed
from camcast.stream.flow import FlowCounters
from camcast.target import Target

if TYPE_CHECKING:
    from camcast.session.session import Session

log = logging.getLogger(__name__)

HOLD = 3.0
"""Seconds that a candidate must have been accepted before the move."""
KEYFRAME_DEADLINE = 20.0
HOUR = 3600.0
STANDBY_CHECK = 1.0
MAX_TWIN_DELAY = 60.0


class Aside:
    """The side of one session."""

    def __init__(self, session: Session, environment: Environment, feed: Feed) -> None:
        self.why = ""
        self._session = session
        self._environment = environment
        self._feed = feed
        self._pool = SessionPool(
            self._spare_attempt, self._cold, let_go=lambda spare: self._session.let_go(spare, clean=False)
        )
        self._task: asyncio.Task[None] | None = None
        self._signal = asyncio.Event()
        self._request: tuple[str, int, str] | None = None
        self._redirects = 0
        self._refusals_told: tuple[Attempt, int] | None = None
        self._detour: tuple[Target, str] | None = None
        self._candidate: Attempt | None = None
        self._begun = False
        self._twin: Attempt | None = None
        self._twin_delay = 1.0
        self._twin_at = 0.0
        self._redundant: bool | None = None
        self._moves: deque[float] = deque()
        self._held = False
        self._suspicious = False

    # --- what the session calls ---------------------------------------------------------------------------

    def begin(self, active: Attempt) -> None:
        """`active` publishes now: stand by for it."""
        self._suspicious = False
        self._signal.clear()
        self._task = asyncio.create_task(self._work(active), name=f"camcast-aside-{self._session.label}")
        # Told while it was connecting, and yet the server took it: follow now.
        detour = self.take_detour()
        if detour is not None and detour[0] is active.target:
            self._ask(("redirect", active.index, detour[1]))

    def end(self) -> None:
        """The active attempt changes; candidate and twin are the session's now."""
        self._candidate = None
        self._begun = False
        self._cancel()

    def ready(self) -> Attempt | None:
        """The candidate that has taken over, if one has."""
        return self._candidate if self._begun else None

    def take_spare(self, target: int) -> Attempt | None:
        """A connected, unpublished attempt for `target`."""
        return self._pool.acquire(target)

    def take_hot(self) -> Attempt | None:
        """The publishing twin, if it is well."""
        twin = self._twin
        if twin is None or twin.published_at is None or twin.lost_error.done() or twin.outlet is None:
            return None
        self._twin = None
        self._redundant = False
        self._session.note("redundancy_lost", f"one of two ingest points is lost; {twin.shown} carries on")
        return twin

    def keep_spare(self) -> None:
        """The active attempt is gone: all work ends, spares stay."""
        self._cancel()

    def move_to(self, target: int) -> None:
        """Move to the chain's entry `target` as soon as it stands."""
        self._ask(("switch", target, ""))

    def redirected(self, attempt: Attempt, url: str) -> None:
        """A server asks to move. Followed within the rules, or refused with an event."""
        session = self._session
        if attempt.target is None or attempt not in (session.active, session.opening):
            return
        if attempt is session.active and session.policy.stable:
            self._redirects = 0
        why_not = refusal(attempt.target.url, url, session.config.allow_redirect_hosts, self._redirects)
        if why_not is not None:
            told = self._refusals_told
            count = told[1] if told is not None and told[0] is attempt else 0
            if count < MAX_HOPS:
                self._refusals_told = (attempt, count + 1)
                session.note("redirect_refused", f"{attempt.shown} asks to move elsewhere, not followed: {why_not}")
            return
        self._redirects += 1
        if attempt is session.opening:
            self._detour = (attempt.target, url)
        else:
            self._ask(("redirect", attempt.index, url))

    def take_detour(self) -> tuple[Target, str] | None:
        """Where the server that has just refused wants the session to be."""
        detour, self._detour = self._detour, None
        return detour

    def check(self, now: float) -> None:
        """Liveness of the one beside."""
        if self._twin is not None:
            self._twin.check(now)
        if self._candidate is not None:
            self._candidate.check(now)
        active = self._session.active
        suspicious = active is not None and active.suspicious(now)
        if suspicious is not self._suspicious:
            self._suspicious = suspicious
            self._signal.set()

    async def stop(self) -> None:
        """Close everything."""
        task = self._task
        self._cancel()
        if task is not None:
            await asyncio.wait({task}, timeout=HOLD)
        await self._close_twin(clean=True)
        await self._pool.close()

    # --- the work -----------------------------------------------------------------------------------------

    def _ask(self, request: tuple[str, int, str]) -> None:
        self._request = request
        self._signal.set()

    def _cancel(self) -> None:
        task, self._task = self._task, None
        self._request = None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _work(self, active: Attempt) -> None:
        config = self._session.config
        failback_at = None
        if active.index > 0 and config.failback_after is not None:
            failback_at = time.monotonic() + config.failback_after
        me = asyncio.current_task()
        # Whatever lost the cancellation (a plugin's close, say): two tasks must not look after one session.
        while self._task is me:
            try:
                request, self._request = self._request, None
                if request is not None:
                    why, target, url = request
                    await self._move(active, target, why, url)
                elif failback_at is not None and time.monotonic() >= failback_at:
                    await self._fail_back(active)
                    failback_at = time.monotonic() + (config.failback_after or 0.0)
                else:
                    await self._stand_by(active)
            except TransportError as error:
                log.debug("%s: beside the active attempt: %s", self._session.label, type(error).__name__)
            except Exception:
                log.exception("%s: internal error beside the active attempt", self._session.label)
            wait = STANDBY_CHECK
            if failback_at is not None:
                wait = min(wait, max(0.0, failback_at - time.monotonic()))
            if config.standby == "cold" and failback_at is None:
                await self._signal.wait()
            else:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the signal.
                try:
                    async with asyncio.timeout(max(wait, 0.01)):
                        await self._signal.wait()
                except TimeoutError:
                    continue
            self._signal.clear()

    async def _fail_back(self, active: Attempt) -> None:
        """Try the better targets in order, unless the session has moved too often."""
        twin = self._twin
        if twin is not None and twin.index < active.index and not twin.lost_error.done():
            return  # the better one carries the stream already; a move would only interrupt it
        session, now = self._session, time.monotonic()
        while self._moves and now - self._moves[0] > HOUR:
            self._moves.popleft()
        if len(self._moves) >= session.config.max_moves_per_hour:
            if not self._held:
                self._held = True
                session.note(
                    "failback_held", f"{len(self._moves)} moves back within an hour: staying on {active.shown}"
                )
            return
        self._held = False
        for target in range(active.index):
            if await self._move(active, target, "failback"):
                return

    async def _move(self, active: Attempt, target: int, why: str, url: str = "") -> bool:
        """Open a candidate and let it take over at a keyframe. False = it would not."""
        await self._close_twin(clean=True)
        spare = self._pool.acquire(target) if not url else None
        await self._pool.close()
        candidate = spare or self._session.new_attempt(target)
        if spare is not None:
            self._session.adopt(spare)
        took_over = False

        def take_over() -> None:
            nonlocal took_over
            took_over = True
            self._take_over(active)

        try:
            if spare is None:
                redirect = (active.target, url) if url and active.target is not None else None
                await candidate.prepare(0, redirect)
                if candidate.publish_name == active.publish_name:
                    self._session.note("move_refused", f"{candidate.shown} is where the session publishes already")
                    raise TransportError("the same name on the same server", stage="publish")
                await candidate.connect()
            await candidate.publish()
            await self._stand(candidate, HOLD)
            self.why = why
            self._candidate = candidate
            candidate.start(at_keyframe=True, begun=take_over)
            candidate.keyframe_wanted()
            await self._stand(candidate, KEYFRAME_DEADLINE)
            raise TransportError("no keyframe came to move at", stage="publish")
        except BaseException as error:
            if took_over:
                raise
            self._candidate = None
            self._session.let_go(candidate, clean=candidate.published_at is not None)
            if not isinstance(error, CamcastError):
                raise
            text = candidate.scrub(str(error))
            self._session.note(f"{why}_failed", f"cannot move to {candidate.shown} yet: {text}")
        return False

    def _take_over(self, active: Attempt) -> None:
        """The candidate is about to get its first keyframe; the old outlet must not."""
        self._begun = True
        if active.outlet is not None:
            active.outlet.finish()
        if self.why == "failback":
            self._moves.append(time.monotonic())
        self._session.nudge()

    async def _stand(self, attempt: Attempt, seconds: float) -> None:
        """Wait; raises what ends the attempt meanwhile."""
        done, _ = await asyncio.wait({attempt.lost_error}, timeout=seconds)
        if done:
            raise attempt.lost_error.result()

    # --- standing by --------------------------------------------------------------------------------------

    async def _stand_by(self, active: Attempt) -> None:
        config = self._session.config
        target = (active.index + 1) % len(config.targets)
        if config.standby == "warm" or (config.standby == "cold" and self._suspicious and target != active.index):
            await self._pool.warm(target)
        elif config.standby == "cold":
            await self._pool.close()
        elif config.standby == "hot":
            await self._keep_twin(active, target)

    async def _keep_twin(self, active: Attempt, target: int) -> None:
        session, now = self._session, time.monotonic()
        if self._twin is not None and self._twin.lost_error.done():
            text = self._twin.scrub(str(self._twin.lost_error.result()))
            await self._close_twin(clean=False)
            self._tell_redundancy(False, f"the second ingest point is lost: {text}")
        if self._twin is not None or now < self._twin_at:
            return
        if target == active.index:
            self._tell_redundancy(False, 'standby "hot" needs a second URL in the chain')
            self._twin_at = float("inf")
            return
        self._twin_at = now + self._twin_delay
        self._twin_delay = min(self._twin_delay * 2, MAX_TWIN_DELAY)
        twin = self._spare_attempt(target)
        try:
            await twin.prepare(0)
            if twin.publish_name == active.publish_name:
                self._twin_at = float("inf")
                raise TransportError("it is where the session publishes already", stage="publish")
            await twin.connect()
            await twin.publish()
        except BaseException as error:
            session.let_go(twin, clean=twin.published_at is not None)
            if isinstance(error, CamcastError):
                text = twin.scrub(str(error))
                self._tell_redundancy(False, f"the second ingest point does not answer: {text}")
            raise
        base = active.outlet.base if active.outlet is not None else None
        twin.start(base=base)
        twin.lost_error.add_done_callback(lambda _: self._signal.set())
        self._twin = twin
        self._twin_delay = 1.0
        self._tell_redundancy(True, f"two ingest points carry the stream: {active.shown} and {twin.shown}")
        if session.state is not SessionState.CONNECTED:
            await self._close_twin(clean=True)

    def _tell_redundancy(self, present: bool, text: str) -> None:
        if self._redundant is not present:
            self._redundant = present
            self._session.note("redundancy" if present else "redundancy_lost", text)

    async def _close_twin(self, *, clean: bool) -> None:
        twin, self._twin = self._twin, None
        if twin is not None:
            await twin.close(clean=clean)

    def _spare_attempt(self, target: int) -> Attempt:
        """An attempt whose frames are not the session's: it stands beside."""
        return Attempt(self._session.config, target, self._environment, self._feed, FlowCounters())

    def _cold(self, target: int) -> None:
        shown = self._session.config.targets[target].shown
        self._session.note("standby_cold", f"{shown} drops connections that do not publish: no spare is kept there")
