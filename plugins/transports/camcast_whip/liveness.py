"""Whether the peer still listens. UDP acknowledges nothing, so this goes by what the peer says.

Signs of life are receiver reports that acknowledge something (RFC 3550); from peers that never report, the answers to
consent checks (RFC 7675). Between two of them what went to the socket counts as delivered; once they stay away for
longer than this peer usually takes, nothing since the last one does. How often they come differs: every 0.5 to 1.5 s
from most servers, every 5 s from some.
"""

from __future__ import annotations

from collections import deque

FIRST = 6.5
"""Seconds of silence allowed until the peer's habits are known: one consent check and its answer."""
LEAST = 2.0
PATIENCE = 2.0
"""Times the longest of the last gaps."""
_KNOWN = 3
_GAPS = 8


class Liveness:
    """Times are seconds of any one clock."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self._gaps: deque[float] = deque(maxlen=_GAPS)

    def heard(self, now: float) -> None:
        gap = now - self.heard_at
        self.heard_at = now
        # Several signs at once are one; a silence that was too long is no habit.
        if 0.1 < gap <= FIRST:
            self._gaps.append(gap)

    def resumed(self, now: float) -> None:
        """The first unit after everything was confirmed: silence before it meant nothing."""
        self.heard_at = max(self.heard_at, now)

    @property
    def grace(self) -> float:
        """Seconds of silence that mean nothing."""
        if len(self._gaps) < _KNOWN:
            return FIRST
        return min(FIRST, max(LEAST, PATIENCE * max(self._gaps)))

    def silent(self, now: float) -> bool:
        return now - self.heard_at > self.grace
