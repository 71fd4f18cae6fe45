"""One timer for many paced sources.

A source hands over a *step*: called when it is due, it does what is due and says when it wants to be called
next. Wake-ups are rounded up to a common tick, so that a hundred sources wake the loop no oftener than the
tick says; a step is late by at most one tick. All on one loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

import attrs

from camcast.media import NS_PER_MS, NS_PER_S

TICK = 8 * NS_PER_MS
SLICE = 2 * NS_PER_MS
"""After this long in one go the loop is given to others."""

Step = Callable[[int], int | None]
"""(now) → when to be called again, or None when it is done. Times are ns of the pacer's clock."""


@attrs.define(eq=False)
class Turn:
    """One source's place with the pacer."""

    step: Step
    cancelled: bool = False

    def cancel(self) -> None:
        """The step is not called again. Safe at any time."""
        self.cancelled = True


class Pacer:
    """Calls each step at its time. `clock` must count with the loop's own time, in ns."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], int] = time.monotonic_ns,
        tick: int = TICK,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._tick = tick
        self._heap: list[tuple[int, int, Turn]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0

    def now(self) -> int:
        return self._clock()

    def add(self, due: int, step: Step) -> Turn:
        """Call `step` at `due` or up to one tick later."""
        turn = Turn(step)
        heapq.heappush(self._heap, (due, next(self._numbers), turn))
        self._arm()
        return turn

    def _arm(self) -> None:
        if not self._heap:
            return
        at = -(-self._heap[0][0] // self._tick) * self._tick
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at / NS_PER_S, self._run)

    def _run(self) -> None:
        heap, clock = self._heap, self._clock
        # The loop may wake a moment early by its clock's resolution: what the timer was set for is due.
        now = begun = max(clock(), self._timer_at)
        self._timer = None
        while heap and heap[0][0] <= now:
            _, number, turn = heapq.heappop(heap)
            if turn.cancelled:
                continue
            try:
                due = turn.step(now)
            except Exception as error:  # noqa: BLE001 - one source's fault must not stop the others
                self._loop.call_exception_handler({"message": "a paced source failed", "exception": error})
                continue
            if due is not None and not turn.cancelled:
                heapq.heappush(heap, (due, number, turn))
            if (now := max(now, clock())) - begun > SLICE:
                self._timer_at = now
                self._timer = self._loop.call_soon(self._run)
                return
        self._arm()
