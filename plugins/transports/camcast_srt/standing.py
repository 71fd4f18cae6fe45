"""Whether a queue on the way stands as it is. Pure: what is late and the clock are handed in.

A queue is seen with the delay that it makes itself, so that it goes on growing for a while after less is sent, and then
becomes shorter. One that does neither is not made of what is sent here.
"""

from __future__ import annotations

import attrs

SECONDS = 3.0
"""For which it must have stayed as long as it is, beyond those after which that is known at all."""
SAME = 0.15
"""Seconds of difference, or this part of it, that are none: round trips are averages."""


@attrs.define(eq=False)
class Standing:
    """Of one queue, while less is sent for its sake."""

    times: int = attrs.field(default=0, init=False)
    """That it stood, since it last became shorter."""
    _since: float | None = attrs.field(default=None, init=False)
    _was: float = attrs.field(default=0.0, init=False)

    def see(self, late: float, took: float, now: float) -> bool:
        """Everything is `late` seconds late, which is known `took` after it was sent; whether it stands."""
        if self._since is None:
            self._since, self._was = now, late
        same = max(SAME, SAME * self._was)
        if abs(late - self._was) >= same:
            if late < self._was:
                self.times = 0
            self._since, self._was = now, late
        if now - self._since < SECONDS + took:
            return False
        self.times += 1
        self._since = None
        return True

    def clear(self) -> None:
        """There is none, or another one."""
        self.times, self._since = 0, None
