"""When the pictures of a steady stream are due, by a clock that is handed in. Pure."""

from __future__ import annotations

LATE = 1.0
"""Seconds of pictures that are made up for. Those of a longer time, in which nothing ran, are left out: nobody could
have seen them, and made all at once they would hold up everything else."""


class Beat:
    """Picture 0 is due at `began`; seconds of any clock that only goes forward."""

    def __init__(self, rate: float, began: float) -> None:
        self._rate = rate
        self._began = began
        self._next = 0

    def tick(self, now: float) -> tuple[int, float]:
        """The number of the picture that is made now, and how many seconds are left until the next one."""
        late = (now - self._began) - self._next / self._rate
        if late > LATE:
            self._next += int(late * self._rate)
        number, self._next = self._next, self._next + 1
        return number, max(0.0, self._began + self._next / self._rate - now)
