"""What of a stream is recorded: all of it, or only what another output does not deliver. Pure; a clock is passed in.

That another output has stopped delivering is known late: a link that is cut shows by nothing being acknowledged for
seconds, and what was lost by then has been sent long ago. So while the other delivers, the newest media is kept in
memory, whole groups of pictures of it, and is recorded first when it no longer does. It is recorded on until the other
has delivered for a while and a keyframe comes, with which memory begins anew: nothing is missing in between, and
nothing is there twice.
"""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Iterator

import attrs

from camcast.contracts import Delivery
from camcast.media import NS_PER_S, MediaKind, Packet

Timed = tuple[Packet, int]
"""A packet, and its decode time in ms."""


def came(packet: Packet, offset: float) -> float:
    """`time.time()` of when it came. `offset`: that where the clock of its arrival is 0; where it has none, now."""
    return packet.arrival / NS_PER_S + offset if packet.arrival else clock.time()


@attrs.define(eq=False)
class _Group:
    """From a keyframe to before the next one, with the sound in between."""

    units: list[Timed]
    size: int


class Gate:
    """`before`: seconds of media that are kept while the other output delivers, in at most `most` bytes.

    `after`: seconds for which it must deliver again until nothing is recorded."""

    def __init__(self, *, before: float, after: float, most: int, pictures: bool = True) -> None:
        """`pictures`: there are any, so a group begins with a keyframe; else each packet of sound is one."""
        self.open = True
        """Whether what comes is recorded. At first nothing is known of the other, and nothing is to be missing."""
        self._before = before
        self._after = after
        self._most = most
        self._pictures = pictures
        self._kept: deque[_Group] = deque()
        self._size = 0
        self._well_since: float | None = None
        self._lost: int | None = None
        self._closes = False

    @property
    def kept(self) -> int:
        """Bytes kept in memory."""
        return self._size

    def look(self, other: Delivery | None, now: float) -> None:
        """How the other output does at `now`, seconds of any one clock. None = there is none."""
        well = other is not None and other.delivers and self._lost in (None, other.lost)
        self._lost = other.lost if other is not None else None
        if not well:
            self._well_since = None
            self._closes = False
            self.open = True
        elif self._well_since is None:
            self._well_since = now
        elif now - self._well_since >= self._after:
            self._closes = True

    def add(self, packet: Packet, time: int) -> Iterator[Timed]:
        """What is to be recorded now, in order: what was kept, and the packet, or nothing."""
        begins = packet.keyframe and (packet.track.kind is MediaKind.VIDEO or not self._pictures)
        if self.open and self._closes and begins:
            self.open = self._closes = False
        if self.open:
            yield from self._all()
            yield packet, time
        else:
            self._keep(packet, time, begins)

    def _all(self) -> Iterator[Timed]:
        while self._kept:
            yield from self._kept.popleft().units
        self._size = 0

    def _keep(self, packet: Packet, time: int, begins: bool) -> None:
        size = len(packet.payload)
        if begins:
            self._kept.append(_Group([(packet, time)], size))
        elif self._kept:
            self._kept[-1].units.append((packet, time))
            self._kept[-1].size += size
        else:
            return  # its group has outgrown memory
        self._size += size
        enough = time - self._before * 1000
        while self._size > self._most or (len(self._kept) > 1 and self._kept[1].units[0][1] <= enough):
            self._size -= self._kept.popleft().size
