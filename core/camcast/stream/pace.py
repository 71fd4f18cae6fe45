"""How far apart a stream's pictures usually are, and how overdue the next one is. Pure: the clock is handed in."""

from __future__ import annotations

import attrs

PATIENCE = 2.0
"""Seconds without a picture that are never remarkable: about what a viewer's buffer covers."""
USUAL = 4.0
"""Usual distances without a picture that are not remarkable: cameras save pictures when nothing moves."""
GROWTH = 2.0
"""What is usual grows this much at once at most: one pause in the stream is not a habit."""
SHARE = 0.1
"""Weight of a new measurement that is below what was usual: of a stream that varies, the slow times count."""


@attrs.define(eq=False)
class Pace:
    """The usual distance of pictures in seconds, learnt from how many came in how much of the stream's time."""

    usual: float = attrs.field(default=0.0, init=False)
    """0 = not known yet."""
    _count: int | None = attrs.field(default=None, init=False)
    _time: int = attrs.field(default=0, init=False)

    def see(self, count: int, time: int) -> None:
        """`count` pictures have come in all, up to `time` (ms on the stream's timeline)."""
        pictures, seconds = count - (self._count or 0), (time - self._time) / 1000
        if self._count is None or pictures < 0 or seconds < 0:
            # The first look, or the one that counts is another now.
            self._count, self._time = count, time
        elif pictures:
            measured = seconds / pictures
            if not self.usual:
                self.usual = measured
            elif measured > self.usual:
                self.usual = min(measured, self.usual * GROWTH)
            else:
                self.usual += (measured - self.usual) * SHARE
            self._count, self._time = count, time

    def allow(self, distance: float) -> None:
        """Pictures are left out on purpose: those that are sent may be so many seconds apart."""
        self.usual = max(self.usual, distance)

    def overdue(self, silent: float) -> float:
        """By how many seconds `silent` seconds without a picture exceed what is usual; 0 = they do not."""
        return max(0.0, silent - max(PATIENCE, USUAL * self.usual))
