"""So much a second, and what was not used for a while. Pure; a clock is passed in."""

from __future__ import annotations

import attrs

BURST = 2.0
"""Seconds of what may come that may come at once, after a link that stood still."""


@attrs.define(eq=False)
class Purse:
    """Begins full."""

    rate: float
    now: float
    _left: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left = self.rate * BURST

    def spend(self, amount: float, now: float) -> float:
        """Take `amount`; returns the seconds until that much was earned, 0 = it was there."""
        self._left = min(self.rate * BURST, self._left + (now - self.now) * self.rate) - amount
        self.now = now
        return max(0.0, -self._left / self.rate)

    @property
    def left(self) -> float:
        """What can be spent at once."""
        return max(0.0, self._left)
