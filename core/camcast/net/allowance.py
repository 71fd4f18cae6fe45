"""How much a peer may ask of us in a moment: a bucket that refills. Pure; times are passed in.

Isolation is made of such bounds. A server sends a publisher a handful of small messages a second; one that sends
thousands, whatever they say, costs all other sessions of the loop time, and is cut off.
"""

from __future__ import annotations


class Allowance:
    """At most `burst` at once, and `rate` a second for ever."""

    __slots__ = ("_at", "_left", "burst", "rate")

    def __init__(self, burst: float, rate: float) -> None:
        self.burst = burst
        self.rate = rate
        self._left = burst
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Whether `amount` more is allowed at `now` (seconds of any one clock). It counts as taken if so."""
        if self._at is not None:
            self._left = min(self.burst, self._left + max(0.0, now - self._at) * self.rate)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def left(self, now: float) -> int:
        """How much would be allowed at `now`."""
        return int(self._left if self._at is None else min(self.burst, self._left + (now - self._at) * self.rate))


class Overrun:
    """Whether what waits to be read does not get less, though somebody reads: more comes than can be taken in.

    On a machine with much to do that may be less than any allowance has.
    """

    __slots__ = ("_full", "_looked", "_seconds", "_since")

    LOOK = 0.1
    """Seconds from one look to the next."""

    def __init__(self, full: float, seconds: float) -> None:
        """It stands when `full` or more waited at every look for `seconds`."""
        self._full = full
        self._seconds = seconds
        self._looked = 0.0
        self._since: float | None = None

    def due(self, now: float) -> bool:
        """Whether it is time for a look."""
        return now - self._looked >= self.LOOK

    def look(self, waiting: float, now: float) -> bool:
        """Whether it stands, as `waiting` is there at `now`."""
        nobody_read = now - self._looked > self._seconds / 3  # what piled up then is nobody's fault
        self._looked = now
        if waiting < self._full:
            self._since = None
        elif self._since is None or nobody_read:
            self._since = now
        return self._since is not None and now - self._since >= self._seconds
