"""Whether a client takes something of what waits for it: a rule without I/O."""

from __future__ import annotations


class Unread:
    """Counts looks, not seconds: those are late by as much as this machine is busy, and so may the client be."""

    def __init__(self) -> None:
        self.looks = 0
        """That found something waiting, one after another, of which nothing was taken."""
        self._waiting = 0
        self._taken = 0

    def look(self, waiting: int, taken: int) -> None:
        """Bytes that wait, and those that its kernel has taken since the beginning (0 = nobody says).

        What waits does not grow less where as much is written as the client takes, so both count.
        """
        takes = not waiting or waiting < self._waiting or taken > self._taken
        self.looks = 0 if takes else self.looks + 1
        self._waiting, self._taken = waiting, taken
