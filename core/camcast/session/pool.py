"""Spare attempts of one session: connected, not yet published, so that a failover saves the connect.

An attempt that was used is closed, never returned. A target whose server drops its spare twice within
`COLD_WINDOW` goes cold: no spare is kept there until the session moves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from camcast.session.attempt import Attempt

COLD_WINDOW = 30.0
COLD_DROPS = 2


class SessionPool:
    """At most one spare for each target of the chain."""

    def __init__(
        self,
        new_attempt: Callable[[int], Attempt],
        on_cold: Callable[[int], object] = lambda target: None,
        now: Callable[[], float] = time.monotonic,
        *,
        let_go: Callable[[Attempt], object],
    ) -> None:
        """`let_go` closes a spare without waiting."""
        self._new = new_attempt
        self._on_cold = on_cold
        self._now = now
        self._let_go = let_go
        self._spares: dict[int, Attempt] = {}
        self._drops: dict[int, deque[float]] = {}
        self._cold: set[int] = set()

    async def warm(self, target: int) -> bool:
        """Have a spare for `target`; connects one if there is none. False = cold. Raises `TransportError`."""
        spare = self._spares.get(target)
        if spare is not None and spare.lost_error.done():
            await self._dropped(target)
            spare = None
        if target in self._cold:
            return False
        if spare is None:
            attempt = self._new(target)
            try:
                await attempt.prepare(0)
                await attempt.connect()
            except BaseException:
                self._let_go(attempt)
                raise
            self._spares[target] = attempt
        return True

    def acquire(self, target: int) -> Attempt | None:
        """The spare for `target`, which leaves the pool; None when there is no good one."""
        spare = self._spares.get(target)
        if spare is None or spare.lost_error.done():
            return None
        return self._spares.pop(target)

    async def release(self, attempt: Attempt) -> None:
        """Give an attempt back: kept when unused and alive, else closed."""
        free = attempt.index not in self._spares
        if free and attempt.published_at is None and not attempt.lost_error.done() and not attempt.closed:
            self._spares[attempt.index] = attempt
        else:
            await attempt.close(clean=attempt.published_at is not None)

    def forget_cold(self) -> None:
        """Try spares everywhere again."""
        self._cold.clear()
        self._drops.clear()

    async def close(self) -> None:
        """Close every spare."""
        spares, self._spares = self._spares, {}
        await asyncio.gather(*(spare.close(clean=False) for spare in spares.values()))

    @property
    def targets(self) -> tuple[int, ...]:
        """Targets with a spare."""
        return tuple(self._spares)

    async def _dropped(self, target: int) -> None:
        await self._spares.pop(target).close(clean=False)
        drops = self._drops.setdefault(target, deque(maxlen=COLD_DROPS))
        drops.append(self._now())
        if len(drops) == COLD_DROPS and drops[-1] - drops[0] <= COLD_WINDOW:
            self._cold.add(target)
            self._on_cold(target)
