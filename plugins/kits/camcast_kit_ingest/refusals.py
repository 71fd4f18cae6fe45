"""Who was not let in, and why: counted, and told at most once a second, without a word of theirs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

PAUSE = 1.0
"""Seconds from one text to the next."""


class Refusals:
    """`tell` gets what came since the last time, in words, and `count` each at once. Used on one loop."""

    def __init__(
        self, tell: Callable[[str], object], count: Callable[[str, int], object] = lambda reason, count: None
    ) -> None:
        self.counts: Counter[str] = Counter()
        """By reason, since it began."""
        self._tell = tell
        self._count = count
        self._untold: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def total(self) -> int:
        return self.counts.total()

    def add(self, reason: str, count: int = 1) -> None:
        """`reason`: a text of the source's own, of which it has a few."""
        self.counts[reason] += count
        self._untold[reason] += count
        self._count(reason, count)
        if self._timer is None:
            self._flush()

    def close(self) -> None:
        """Nothing is told any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        self._timer = None
        if not self._untold:
            return
        untold, self._untold = self._untold, Counter()
        self._timer = asyncio.get_running_loop().call_later(PAUSE, self._flush)
        why = ", ".join(f"{reason} ({count})" for reason, count in untold.most_common())
        self._tell(f"refused: {why}; {self.total} in all")
