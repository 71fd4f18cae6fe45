"""What goes on beside a session's active attempt: one task, which moves, fails back, and keeps a spare or a twin.

    cold   nothing, until the peer is suspiciously silent: then a spare for the next target, just in case
    warm   a spare for the next target: connected, not yet published
    hot    a twin: the next target published as well

At most one candidate, one spare and one twin exist at a time, and never two attempts publish one name.
"""

from __future__ import annotations

import asyncio
import logging
import time
from math import inf
from typing import Protocol

from camcast.config import SessionConfig
from camcast.errors import TransportError
from camcast.few import Bell
from camcast.session.attempt import Attempt, AttemptOwner
from camcast.session.failback import Failback
from camcast.session.keyframe_end import end_at_keyframe
from camcast.session.move import Mover, Request
from camcast.session.opening import Opener
from camcast.session.pool import SessionPool
from camcast.session.rotation import Rotation
from camcast.session.stage import Connected, OnAir
from camcast.session.twin import Bystander, Twin

log = logging.getLogger(__name__)

STANDBY_CHECK = 1.0
"""Seconds between two looks at the spare or the twin."""
STOP_DEADLINE = 3.0
"""Seconds that the task may take to end when it is cancelled."""


class Front(AttemptOwner, Protocol):
    """Whom one stands by for. Candidates work for it from their first frame on."""

    def note(self, code: str, text: str) -> None:
        """Tell something that an operator should know."""

    def wake(self) -> None:
        """A candidate has taken over, so look at once."""

    def renew(self, attempt: Attempt) -> None:
        """The active `attempt` has been fed up to a keyframe: publish anew on its target, from there on. In the hub's
        round: return at once."""


class Standby:
    """The side of one session. Implements `MoveOwner` and `TwinOwner`."""

    def __init__(self, config: SessionConfig, opener: Opener, front: Front) -> None:
        self.pool: SessionPool[Connected] = SessionPool(lambda target: opener.spare(target, Bystander()), self._cold)
        self.mover = Mover(opener, self.pool, front, self)
        self.twin = Twin(opener, self)
        self._config = config
        self._front = front
        self._failback = Failback(config.failback_after, config.max_moves_per_hour)
        self._rotation = Rotation(config.rotate_every)
        self._chosen = False
        self._task: asyncio.Task[None] | None = None
        self._signal = Bell()
        self._request: Request | None = None
        self._suspicious = False
        self._beside: int | None = None
        """Index of the target that was last stood by for."""

    def adopt(self, config: SessionConfig) -> None:
        """Go on by this; spares learn of it when they are taken."""
        self._config = config
        self._failback.adopt(config.failback_after, config.max_moves_per_hour)
        self._rotation.adopt(config.rotate_every)
        for one in (self.twin.on_air, self.mover.candidate):
            if one is not None:
                one.adopt(config)
        self._stir()

    # --- what the session calls ---------------------------------------------------------------------------

    def begin(self, active: OnAir, *, chosen: bool) -> None:
        """`active` publishes now: stand by for it. `chosen`: the user wants it to be this target."""
        self.end()
        if active.index != self._beside:
            self._beside = active.index
            self.pool.forget_cold()
            self.twin.begin()
        self._suspicious = False
        self._signal.clear()
        self._chosen = chosen
        self._failback.begin(active.index, chosen=chosen)
        self._rotation.begin(active.published.at)
        if self._request is not None and (self._request.why != "switch" or self._request.target == active.index):
            self._request = None  # it was about the attempt before
        self._task = asyncio.create_task(self._work(active), name=f"camcast-standby-{self._config.label}")

    def end(self) -> None:
        """The active attempt is gone, or another one takes its place: all work ends. Spares and the twin stay."""
        task, self._task = self._task, None
        self.mover.done()
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def ask(self, request: Request) -> None:
        """Move as soon as the new place stands."""
        self._request = request
        self._stir()

    def stay(self, active: OnAir) -> None:
        """The user wants the session to be where it is: no move, whoever asked for it."""
        if self.mover.ready is not None:
            self.ask(Request("switch", active.index))  # too late for this one, so back
        else:
            self._request = None
            self.begin(active, chosen=True)

    def check(self, now: float) -> float:
        """Liveness of those beside; returns when to call it next, inf = there are none."""
        due = inf
        for one in (self.twin.on_air, self.mover.candidate):
            if one is not None:
                one.check(now)
                due = min(due, one.due(now))
        return due

    def suspect(self, suspicious: bool) -> None:
        """Whether the active attempt's peer is suspiciously silent."""
        if suspicious is not self._suspicious:
            self._suspicious = suspicious
            self._stir()

    async def stop(self, *, spares: bool = True) -> None:
        """Close everything; `spares` False: but for the spares, which are used in a moment."""
        task = self._task
        self.end()
        if task is not None:
            await asyncio.wait({task}, timeout=STOP_DEADLINE)
        self.twin.let_go(clean=True)
        if spares:
            await self.pool.close()

    # --- MoveOwner, TwinOwner -----------------------------------------------------------------------------

    def note(self, code: str, text: str) -> None:
        self._front.note(code, text)

    def took_over(self) -> None:
        if self.mover.why == "failback":
            self._failback.moved()
        self._front.wake()

    def twin_lost(self) -> None:
        self._stir()

    # --- the work -----------------------------------------------------------------------------------------

    def _stir(self) -> None:
        self._signal.set()

    async def _work(self, active: OnAir) -> None:
        me = asyncio.current_task()
        # Whatever lost the cancellation (a plugin's close, say): two tasks must not look after one session.
        while self._task is me:
            try:
                await self._next(active)
            except TransportError as error:
                log.debug("%s: beside the active attempt: %s", self._config.label, type(error).__name__)
            except Exception:
                log.exception("%s: internal error beside the active attempt", self._config.label)
            await self._pause()

    async def _next(self, active: OnAir) -> None:
        """Do what is due."""
        request, self._request = self._request, None
        if request is not None:
            await self._move(active, request)
        elif time.monotonic() >= self._rotation.due:
            self._rotation.tried()
            await self._rotate(active)
        elif time.monotonic() >= self._failback.due:
            await self._fail_back(active)
            self._failback.tried()
        else:
            await self._stand_by(active)

    async def _pause(self) -> None:
        """Until something stirs, or the next look is due."""
        wait = min(self._failback.due, self._rotation.due) - time.monotonic()
        if self._config.standby != "cold":
            wait = min(wait, STANDBY_CHECK)
        # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the signal.
        try:
            async with asyncio.timeout(max(wait, 0.01) if wait != float("inf") else None):
                await self._signal.wait()
        except TimeoutError:
            return
        self._signal.clear()

    async def _move(self, active: OnAir, request: Request) -> bool:
        self.twin.let_go(clean=True)
        return await self.mover.move(active, request)

    async def _rotate(self, active: OnAir) -> None:
        """Move to the next target. Where there is none, or it would not, or the user chose this one: anew here."""
        following = (active.index + 1) % len(self._config.targets)
        if following != active.index and not self._chosen and await self._move(active, Request("rotate", following)):
            return
        try:
            # A server that drops connections that do not publish gets none beforehand.
            if active.spares:
                await self.pool.warm(active.index)
        except TransportError as error:
            text = active.attempt.scrub(str(error))
            self.note("rotate_failed", f"cannot renew the connection to {active.shown} yet: {text}")
            return
        ended = await end_at_keyframe(active, lambda: self._front.renew(active.attempt))
        if not ended and not active.attempt.ended:
            self.note("rotate_failed", f"cannot renew the connection to {active.shown} yet: no keyframe came")

    async def _fail_back(self, active: OnAir) -> None:
        """Try the better targets in order, unless the session has moved too often."""
        twin = self.twin.on_air
        if twin is not None and twin.index < active.index and not twin.attempt.ended:
            return  # the better one carries the stream already; a move would only interrupt it
        held = self._failback.held
        if held is not None:
            if self._failback.news():
                self._front.note("failback_held", f"{held} moves back within an hour: staying on {active.shown}")
            return
        for target in range(active.index):
            if await self._move(active, Request("failback", target)):
                return

    async def _stand_by(self, active: OnAir) -> None:
        config = self._config
        target = (active.index + 1) % len(config.targets)
        if config.standby == "hot":
            await self.twin.keep(active, target)
        elif (config.standby == "warm" and (active.spares or target != active.index)) or (
            self._suspicious and target != active.index
        ):
            self.pool.keep(target)
            await self.pool.warm(target)
        else:
            self.pool.keep()

    def _cold(self, target: int) -> None:
        shown = self._config.targets[target].shown
        self._front.note("standby_cold", f"{shown} drops connections that do not publish: no spare is kept there")
