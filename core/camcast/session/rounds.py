"""Looks after sessions, each when that is due, and those that are due at about the same time in one waking.

A session says when the next look is due: the nearest of its next look at the peer and of the moment at which a silence
would be a stall. One that is off the air asks for none. What a look costs is the waking more than the work, so looks
that need not be exact are taken at moments that all sessions share.
"""

from __future__ import annotations

import asyncio
import logging
import time
from math import floor, inf
from typing import Protocol

log = logging.getLogger(__name__)

GRID = 0.125
"""Seconds between two shared moments."""
AFTER_A_BUG = 1.0
"""Seconds until a session is looked at again that raised."""


class Looked(Protocol):
    """Who is looked after."""

    label: str

    def tick(self, now: float) -> float:
        """Look, at `now`; returns when the next look is due. Both `time.monotonic()`; inf = `Rounds.soon` will tell."""


def shared(at: float) -> float:
    """The last shared moment that is not after `at`, by `time.monotonic()`."""
    return floor(at / GRID) * GRID


class Rounds:
    """All sessions of one manager. All calls on the loop."""

    def __init__(self) -> None:
        self._due: dict[Looked, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._at = inf
        """When the timer fires."""

    def enter(self, one: Looked) -> None:
        """Look after it from now on."""
        self._due[one] = inf
        self.soon(one)

    def leave(self, one: Looked) -> None:
        """Look after it no more."""
        self._due.pop(one, None)

    def soon(self, one: Looked) -> None:
        """It has something to be looked after: look at the next shared moment."""
        if one in self._due:
            self._due[one] = at = shared(time.monotonic() + GRID)
            self._arm(at)

    def close(self) -> None:
        """Look after none."""
        self._due.clear()
        self._arm(inf)

    def _arm(self, at: float) -> None:
        """Wake at `at`, unless that is to be sooner already; inf = not at all."""
        if at < self._at or at == inf:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._at = at
            if at < inf:
                self._timer = asyncio.get_running_loop().call_later(max(0.0, at - time.monotonic()), self._go)

    def _go(self) -> None:
        self._timer, self._at = None, inf
        now = time.monotonic()
        for one, due in tuple(self._due.items()):
            if due > now:
                continue
            self._due[one] = inf
            try:
                due = one.tick(now)
            except Exception:
                log.exception("Session %s: internal error", one.label)
                due = now + AFTER_A_BUG
            if one in self._due:
                # What asked for a look meanwhile is not forgotten.
                self._due[one] = min(self._due[one], due)
        nearest = min(self._due.values(), default=inf)
        if nearest < inf:
            self._arm(nearest)
