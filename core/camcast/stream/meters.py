"""What a stream takes and when its pictures were taken, by a look now and then. Pure: the clock is handed in."""

from __future__ import annotations

import attrs

from camcast.few import Few
from camcast.group import Group
from camcast.media import Packet
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
class RateMeter:
    """What a count of bytes grows by, over the last `WINDOW`."""

    _samples: Few[tuple[float, int]] = attrs.field(factory=Few, init=False)

    def look(self, now: float, size: int) -> None:
        """Take one reading. A count that has fallen is another one: what it was before says nothing of it."""
        if self._samples and size < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, size))
        while now - self._samples[0][0] > WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """bit/s; None = not known yet."""
        if not self._samples:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) * 8 / (last - first) if last - first > WINDOW / 4 else None


@attrs.define(eq=False)
class Meter:
    """Of one stream that comes encoded."""

    _all: RateMeter = attrs.field(factory=RateMeter, init=False)
    _sound: RateMeter = attrs.field(factory=RateMeter, init=False)
    _decoded: Few[int] = attrs.field(factory=lambda: Few[int](maxlen=LOOKS), init=False)
    _composed: Few[int] = attrs.field(factory=lambda: Few[int](maxlen=LOOKS), init=False)
    disposable: float = attrs.field(default=0.0, init=False)
    """Of its pictures' bytes, the share of those that no other refers to, in the last whole group; 0 = not known."""
    keyframes: float = attrs.field(default=0.0, init=False)
    """Likewise of keyframes."""
    _keyframe: Packet | None = attrs.field(default=None, init=False)
    """That of the present group. Of it, by its first `_seen` pictures: bytes that no other refers to, the least of
    arrival less decode time, and how much later than decoded they are shown, all together."""
    _seen: int = attrs.field(default=0, init=False)
    _free: int = attrs.field(default=0, init=False)
    _least: int = attrs.field(default=0, init=False)
    _later: int = attrs.field(default=0, init=False)
    _shares: tuple[float, float] = attrs.field(default=(0.0, 0.0), init=False)
    """`disposable` and `keyframes` of the present group so far."""

    def look(self, now: float, counters: FeedCounters, group: Group, sound: Packet | None = None) -> None:
        """Take one reading; `group` is the present one, `sound` the newest packet, by which the times go where there is
        no picture."""
        self._all.look(now, counters.bytes)
        self._sound.look(now, counters.sound_bytes)
        pictures = group.packets
        if not pictures or not group.bytes:
            if sound is not None:
                self._decoded.append(sound.arrival - sound.dts)
                self._composed.append(0)
            return
        if pictures[0] is not self._keyframe:
            # Another has begun: what was seen of the last one is nearly all of it.
            if self._keyframe is not None:
                self.disposable, self.keyframes = self._shares
            first = self._keyframe = pictures[0]
            self._seen = self._free = self._later = 0
            self._least = first.arrival - first.dts
        for packet in pictures[self._seen :]:
            self._least = min(self._least, packet.arrival - packet.dts)
            self._later += packet.pts - packet.dts
            if packet.disposable:
                self._free += len(packet.payload)
        self._seen = len(pictures)
        self._decoded.append(self._least)
        # One picture may be sent long before it is shown and the next one hardly: all together that is the delay.
        self._composed.append(self._later // self._seen)
        self._shares = self._free / group.bytes, len(pictures[0].payload) / group.bytes

    @property
    def rate(self) -> float:
        """bit/s, picture and sound; 0 = not known yet."""
        return self._all.rate or 0.0

    @property
    def pictures(self) -> float:
        """bit/s without sound; 0 = not known yet."""
        return max(0.0, self.rate - (self._sound.rate or 0.0))

    @property
    def zero(self) -> Times:
        """`time.monotonic_ns()` at which its timeline was 0, by the pictures, or sounds, that were the least late."""
        decoded, composed = min(self._decoded, default=0), self._composed
        return Times(decoded, decoded - (sum(composed) // len(composed) if composed else 0))
