"""Whoever was cut off comes again at once, and again: so the place that he had rests for a while. Pure.

A sender that begins and ends all the time, for whatever reason, is let in now and then only: each time costs those who
are told of it, and all that is made anew.
"""

from __future__ import annotations

from camcast_kit_ingest.purse import Purse

REST = 5.0
"""Seconds for which nobody is let in behind one that was cut off for what it sent."""
A_SECOND = 2.0
"""Beginnings; twice as many at once."""


class Rests:
    """Of one place."""

    def __init__(self, now: float) -> None:
        """`now`: seconds of any one clock, as everywhere here."""
        self._until = now
        self._beginnings = Purse(A_SECOND, now)

    def cut_off(self, now: float) -> None:
        """Somebody was, for what he sent."""
        self._until = now + REST

    def let_in(self, now: float) -> bool:
        """Whether somebody may begin; if so, he does."""
        if now < self._until:
            return False
        self._beginnings.spend(0, now)
        if self._beginnings.left < 1:
            return False
        self._beginnings.spend(1, now)
        return True
