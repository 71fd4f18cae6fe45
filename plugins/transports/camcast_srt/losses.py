"""Whether an SRT link loses more than can be made good. Pure: counts and clock are handed in.

libsrt sends live media at the pace at which it gets it, whatever the link carries, and sends again on top what is lost.
On a link that is too thin, hardly one picture arrives whole, while everything is acknowledged in the end and nothing
waits that would tell. The share of packets that the receiver reports as lost tells: measured over 150 ms with a latency
of 600 ms, 23 % where a link has just room for its stream, 57 % with four fifths of that, 82 % with half.
"""

from __future__ import annotations

import attrs

WINDOW = 3.0
"""Seconds over which a share is taken."""
MUCH = 0.15
"""Share of what was sent, repeats included. With less the latency that is usual makes all of it good."""
ENOUGH = 3
"""Windows in a row: what a link loses that was away for a moment is reported at once, when it is back."""


@attrs.define(eq=False)
class Losses:
    """Of one connection. Times are seconds of any clock that only goes forward."""

    _next: float = attrs.field(default=0.0, init=False)
    _sent: int = attrs.field(default=0, init=False)
    _lost: int = attrs.field(default=0, init=False)
    _row: int = attrs.field(default=0, init=False)
    _told: bool = attrs.field(default=False, init=False)

    def due(self, now: float) -> bool:
        """Whether a look is due."""
        return now >= self._next

    def look(self, sent: int, lost: int, now: float) -> float | None:
        """Take a look: packets sent and reported as lost so far. Returns the share lost if that is to be told: once,
        and again after it was better for as long."""
        newly_sent, newly_lost = sent - self._sent, lost - self._lost
        self._sent, self._lost, self._next = sent, lost, now + WINDOW
        share = min(1.0, newly_lost / newly_sent) if newly_sent > 0 else 0.0
        much = share >= MUCH
        self._row = max(1, self._row + 1) if much else min(-1, self._row - 1)
        if self._row <= -ENOUGH:
            self._told = False
        if self._row < ENOUGH or self._told:
            return None
        self._told = True
        return share
