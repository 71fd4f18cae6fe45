"""When a connection has stood long enough and is to be renewed: `rotate_every`. Pure, with a clock passed in.

Platforms end what is sent for too long, or record a part of it only; a planned move before that loses no picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

AGAIN = 60.0
"""Seconds until a rotation that came to nothing is tried again."""


class Rotation:
    """Of one session. Times are seconds of the clock."""

    def __init__(self, every: float | None, now: Callable[[], float] = time.monotonic) -> None:
        """`every` None: never."""
        self.due = inf
        """When the connection is to be renewed; inf = not at all."""
        self._every = every
        self._now = now
        self._began: float | None = None

    def adopt(self, every: float | None) -> None:
        """Go by another time; it counts from when the connection began."""
        if every != self._every:
            self._every = every
            self._aim()

    def begin(self, at: float) -> None:
        """What is on the air now has published since `at`."""
        self._began = at
        self._aim()

    def tried(self) -> None:
        """It has been tried. Where the connection is still the same, it will be again."""
        self.due = self._now() + AGAIN

    def _aim(self) -> None:
        self.due = inf if self._every is None or self._began is None else self._began + self._every
