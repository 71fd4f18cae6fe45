"""What receivers' reports say of the path, for whoever decides how much is sent (`camcast.contracts.PathReport`)."""

from __future__ import annotations

from collections import deque

from camcast.contracts import PathReport
from camcast_whip.counters import Counters

HABIT = 4
"""Gaps of which the longest is what is usual."""
LONGEST = 6.5
"""Seconds; a longer gap is a path that was away, and no habit."""


class Reports:
    """Of one attempt. `counters` are where they go."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._gaps: deque[float] = deque(maxlen=HABIT)
        self._at: float | None = None
        self._number = 0

    def add(self, now: float, lost: int, trip: float) -> None:
        """One has come `now`, after `trip` seconds: of all that is acknowledged, `lost` bytes did not come so far."""
        if self._at is not None and now - self._at <= LONGEST:
            self._gaps.append(now - self._at)
        self._at = now
        if not self._gaps:
            return
        self._number += 1
        counters = self._counters
        counters.report = PathReport(self._number, now, counters.handed, counters.acked, lost, trip, max(self._gaps))
