"""Whether a camera numbers its packets, over a connection that keeps their order. No I/O.

Packets of which never one follows the one before by its number come from a camera that does not count them. Where
numbers rise by a little each time, most likely every other packet is lost. To take them for those of a camera that
counts by two takes more: that none has ever followed, and that for long nothing else says that something lacks. Then
each picture's last packet is marked, pictures are evenly apart, and some have several packets, so that loss would show
(but for pictures all of which have an even number of packets: no camera is known that sends such).
"""

from __future__ import annotations

import attrs

UNNUMBERED = 16
"""Packets in a row, none of which follows the one before, after which they are taken not to be numbered."""
RISE = 64
"""A step of no more looks like loss."""
RISING, SEVERAL = 48, 3
"""Packets of such steps in a row, and pictures of several packets among them, that must be whole."""


@attrs.define(eq=False)
class _Run:
    """Packets in a row of which none follows the one before."""

    followed: int
    """Packets that had followed before."""
    number: int
    timestamp: int
    marked: bool
    count: int = 1
    rises: bool = True
    whole: bool = True
    """Nothing but the numbers says that something lacks."""
    step: int = 0
    """From one picture to the next; 0 = not known yet."""
    packets: int = 1
    """Of the last picture."""
    several: int = 0
    """Pictures that have more than one."""

    def add(self, number: int, timestamp: int, marked: bool) -> None:
        self.count += 1
        self.rises = self.rises and 1 < (number - self.number & 0xFFFF) <= RISE
        if timestamp == self.timestamp:
            self.packets += 1
        else:
            step = timestamp - self.timestamp & 0xFFFFFFFF
            self.whole = self.whole and self.marked and self.step in (0, step)
            self.several += self.packets > 1
            self.packets, self.step = 1, step
        self.number, self.timestamp, self.marked = number, timestamp, marked

    @property
    def tells_nothing(self) -> bool:
        if not self.rises:
            return self.count >= UNNUMBERED
        return not self.followed and self.count >= RISING and self.several >= SEVERAL and self.whole


class Numbering:
    """One track's."""

    def __init__(self) -> None:
        self.used = True
        """Whether its numbers tell anything."""
        self._run: _Run | None = None

    def unexpected(self, number: int, timestamp: int, marked: bool, followed: int) -> None:
        """A packet has come that was not expected, after so many in all that followed the one before at once."""
        run = self._run
        # Behind a gap they follow each other.
        if run is None or run.followed != followed or number == run.number + 1 & 0xFFFF:
            self._run = _Run(followed, number, timestamp, marked)
            return
        run.add(number, timestamp, marked)
        self.used = self.used and not run.tells_nothing
