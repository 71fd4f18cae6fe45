"""Everything that an engine knows of itself, for those who look beside it: taken in turns, and shared by those who may.

A snapshot costs some 20 µs a session. One of all would hold up a loop that has media to carry, so it is taken in
slices; and of several who look every few seconds each may have what was taken for another one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from math import inf

from camcast.camera.stats import Stats
from camcast.session.metrics import SessionMetrics
from camcast.session.session_manager import SessionHandle

SLICE = 16
"""Sessions that are looked at in one turn of the loop."""


class Recent:
    """Of one engine. All calls on the loop."""

    def __init__(
        self,
        sessions: Callable[[], Iterable[SessionHandle]],
        whole: Callable[[Sequence[SessionMetrics]], Stats],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sessions`: those that there are; `whole` makes a snapshot of what they have told."""
        self._sessions = sessions
        self._whole = whole
        self._now = now
        self._kept: Stats | None = None
        self._began = -inf

    async def stats(self, age: float = 0.0) -> Stats:
        """A snapshot of which no figure is older than `age` seconds; with 0, than this call."""
        began = self._now()
        if self._kept is not None and 0.0 < age >= began - self._began:
            return self._kept
        told: list[tuple[SessionHandle, SessionMetrics]] = []
        for number, session in enumerate(tuple(self._sessions())):
            if number and not number % SLICE:
                await asyncio.sleep(0)
            told.append((session, session.metrics))
        # What has been deleted meanwhile is among the totals already.
        there = set(self._sessions())
        stats = self._whole([metrics for session, metrics in told if session in there])
        if began >= self._began:
            self._kept, self._began = stats, began
        return stats
