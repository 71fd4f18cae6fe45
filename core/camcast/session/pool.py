"""Spares: connected, not yet published, so that a failover saves the connect.

What was used is closed, never kept. A target whose server drops its spare twice within `COLD_WINDOW` goes cold: no
spare is kept there for `COLD_FOR`, or until the session moves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

COLD_WINDOW = 30.0
COLD_DROPS = 2
COLD_FOR = 600.0
"""Seconds after which a target that went cold gets another chance: what dropped spares may have been a restart."""


class Spare(Protocol):
    """Something connected to one target of a chain."""

    @property
    def target(self) -> int:
        """Which one, from 0."""

    @property
    def fresh(self) -> bool:
        """Whether it may still be used: alive, and never tried."""

    async def close(self) -> None: ...


S = TypeVar("S", bound=Spare)


class SessionPool(Generic[S]):
    """At most one spare for each target of a chain. All calls on one event loop.

    Sessions have their own. For a program that fails over by itself, and has a connection (anything with `target`,
    `fresh` and `close()`) to make for each target:

        pool = SessionPool(connect)          # async def connect(target: int) -> Connection
        await pool.warm(1)                   # connects, unless a good spare is there already
        spare = pool.acquire(1)              # it leaves the pool; None when there is no good one
        if spare is not None:
            pool.release(spare)              # not needed after all: it goes back
        await pool.close()                   # closes every spare
    """

    def __init__(
        self,
        connect: Callable[[int], Awaitable[S]],
        on_cold: Callable[[int], object] = lambda target: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`connect` makes a spare for a target, or raises with nothing left behind. `on_cold` hears of a target that
        goes cold; `now` gives seconds."""
        self._connect = connect
        self._on_cold = on_cold
        self._now = now
        self._spares: dict[int, S] = {}
        self._drops: dict[int, deque[float]] = {}
        self._cold: dict[int, float] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def warm(self, target: int) -> bool:
        """Have a spare for `target`; connects one if there is none. Raises what `connect` raises.

        False = there is none: it was dropped at once, or the target is cold.
        """
        spare = self._spares.get(target)
        if spare is not None and not spare.fresh:
            self._dropped(self._spares.pop(target))
            spare = None
        if self._now() < self._cold.get(target, float("-inf")):
            return False
        if spare is None:
            spare = await self._connect(target)
            if not spare.fresh:
                self._dropped(spare)
                return False
            self.release(spare)
        return True

    def acquire(self, target: int) -> S | None:
        """The spare for `target`, which leaves the pool; None when there is no good one."""
        spare = self._spares.get(target)
        if spare is None or not spare.fresh:
            return None
        return self._spares.pop(target)

    def release(self, spare: S) -> None:
        """Give one back: kept while it is fresh and the only one for its target, else closed in the background."""
        if spare.fresh and spare.target not in self._spares:
            self._spares[spare.target] = spare
        else:
            self._let_go(spare)

    def keep(self, *targets: int) -> None:
        """Close the spares for other targets than these in the background."""
        for target in [target for target in self._spares if target not in targets]:
            self._let_go(self._spares.pop(target))

    def forget_cold(self) -> None:
        """Try spares everywhere again."""
        self._cold.clear()
        self._drops.clear()

    async def close(self) -> None:
        """Close every spare; returns when they are closed."""
        self.keep()
        while self._closing:
            await asyncio.wait(self._closing)

    @property
    def targets(self) -> tuple[int, ...]:
        """Targets with a spare."""
        return tuple(self._spares)

    def _let_go(self, spare: S) -> None:
        task = asyncio.ensure_future(_close(spare))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _dropped(self, spare: S) -> None:
        self._let_go(spare)
        target = spare.target
        drops = self._drops.setdefault(target, deque(maxlen=COLD_DROPS))
        drops.append(self._now())
        if len(drops) == COLD_DROPS and drops[-1] - drops[0] <= COLD_WINDOW:
            drops.clear()
            self._cold[target] = self._now() + COLD_FOR
            self._on_cold(target)


async def _close(spare: Spare) -> None:
    await spare.close()
