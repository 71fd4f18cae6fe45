"""When a picture that is encoded at a lower bitrate is made smaller, too. Pure: the clock is handed in.

What it takes to change is an encoder that is opened anew and headers for everybody, so a dip while a queue goes is no
reason, and it goes back only where there is room to spare. A small picture may not use what it could have, so whether
the large one fits is found out by sending it: where it does not, it is tried again ever more seldom.
"""

from __future__ import annotations

from math import inf

import attrs

DOWN = 3.0
"""Seconds below the floor before it is made smaller: a queue that is to go takes the bitrate down for less."""
UP = 10.0
"""Seconds above it before it is made as large as it was; doubled where that failed, at most `MAX_UP`."""
MAX_UP = 160.0
FAILED = 30.0
"""Seconds as it was after which that has not failed."""
SPARE = 1.25
"""Times the floor, what the bitrate must be for that."""


@attrs.define
class Floor:
    """Of one output."""

    small: bool = False
    _since: float | None = attrs.field(default=None, init=False)
    """Since when the other would be right."""
    _grown: float = attrs.field(default=-inf, init=False)
    """When it was made as it was."""
    _up: float = attrs.field(default=UP, init=False)

    def look(self, now: float, bitrate: int, below: int) -> bool:
        """Whether the picture is to be smaller at `bitrate` bit/s, where it is to be so `below` a bitrate."""
        other = bitrate >= SPARE * below if self.small else bitrate < below
        if not other:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= (self._up if self.small else DOWN):
            self._change(now, self._since)
        return self.small

    def _change(self, now: float, since: float) -> None:
        self._since, self.small = None, not self.small
        if not self.small:
            self._grown = now
        elif since - self._grown < FAILED:
            self._up = min(2 * self._up, MAX_UP)
        else:
            self._up = UP
