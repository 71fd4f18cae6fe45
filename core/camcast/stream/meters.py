"""What a stream takes and when its pictures were taken, by a look now and then. Pure: the clock is handed in."""

from __future__ import annotations

from collections import deque

import attrs

from camcast.group import Group
from camcast.stream.flow import FeedCounters

WINDOW = 4.0
"""Seconds over which a rate is taken: a group of pictures or two."""
LOOKS = 40
"""Readings of which the least delay counts: about ten seconds."""


@attrs.frozen
class Times:
    """Of decoding and of showing, in ns."""

    dts: int = 0
    pts: int = 0

    def __sub__(self, other: Times) -> Times:
        return Times(self.dts - other.dts, self.pts - other.pts)


@attrs.define(eq=False)
class Meter:
    """Of one stream that comes encoded."""

    _bytes: deque[tuple[float, int]] = attrs.field(factory=lambda: deque[tuple[float, int]](), init=False)
    _decoded: deque[int] = attrs.field(factory=lambda: deque[int](maxlen=LOOKS), init=False)
    _composed: deque[int] = attrs.field(factory=lambda: deque[int](maxlen=LOOKS), init=False)
    disposable: float = attrs.field(default=0.0, init=False)
    """Of its pictures' bytes, the share of those that no other refers to, in the last whole group; 0 = not known."""
    keyframes: float = attrs.field(default=0.0, init=False)
    """Likewise of keyframes."""
    _group: tuple[int, float, float] = attrs.field(default=(0, 0.0, 0.0), init=False)
    """Of the present group: how many pictures, and both shares."""

    def look(self, now: float, counters: FeedCounters, group: Group) -> None:
        """Take one reading; `group` is the present one."""
        self._bytes.append((now, counters.bytes))
        while now - self._bytes[0][0] > WINDOW:
            self._bytes.popleft()
        pictures = group.packets
        if len(pictures) < self._group[0]:
            # Another has begun: what was seen of the last one is nearly all of it.
            _, self.disposable, self.keyframes = self._group
        if pictures and group.bytes:
            self._decoded.append(min(packet.arrival - packet.dts for packet in pictures))
            # One picture may be sent long before it is shown and the next one hardly: all together that is the delay.
            self._composed.append(sum(packet.pts - packet.dts for packet in pictures) // len(pictures))
            free = sum(len(packet.payload) for packet in pictures if packet.disposable)
            self._group = len(pictures), free / group.bytes, len(pictures[0].payload) / group.bytes

    @property
    def rate(self) -> float:
        """bit/s, picture and sound; 0 = not known yet."""
        (first, before), (last, after) = self._bytes[0], self._bytes[-1]
        return (after - before) * 8 / (last - first) if last - first > WINDOW / 4 else 0.0

    @property
    def zero(self) -> Times:
        """`time.monotonic_ns()` at which its timeline was 0, by the pictures that were the least late."""
        decoded, composed = min(self._decoded, default=0), self._composed
        return Times(decoded, decoded - (sum(composed) // len(composed) if composed else 0))
