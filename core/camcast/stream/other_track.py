"""Another picture, or another sound, in the connection of one attempt: what one more stream's hub brings goes out as a
track of its own, on the timeline of the attempt's.

    own hub ────────> outlet ──> sender
    other hub ──> other track ────┘

It waits for its own keyframe, and drops and counts for itself; what waits on this machine is one queue, so its bounds
are the outlet's. Whatever is missing of it or late, the outlet does not notice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import attrs

from camcast.flv.multitrack import TrackTags
from camcast.flv.packer import to_ms
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, Track, Unit
from camcast.stream.beside import Beside
from camcast.stream.flow import (
    REASON_BEHIND,
    REASON_KEYFRAME,
    REASON_LEFT_OUT,
    REASON_LOST,
    REASON_OVERLOAD,
    FlowCounters,
)
from camcast.stream.hub import Hub, Packer
from camcast.stream.meters import Times

_VIDEO = MediaKind.VIDEO
HEADERS_EVERY = NS_PER_S // 2
"""Nanoseconds from one repetition of headers to the next, about: players look for a second or so which tracks there are
(FFmpeg does), and keyframes may be further apart."""


@attrs.define(eq=False)
class OtherTrack:
    """Of one attempt. Implements `HubOutlet` for its hub, and `beside.OtherTrack` for the outlet."""

    beside: Beside
    """The outlet's."""
    hub: Hub
    kind: MediaKind
    number: int
    """What it is called in the connection; 0 is the outlet's own."""
    packer: Packer
    """Of its own, as times differ."""
    behind: Callable[[Packet], Times]
    """By how much this hub's timeline is behind the outlet's. Asked once, with the first unit that is sent."""
    counters: FlowCounters
    """Of this track, over all attempts."""
    want_keyframe: Callable[[], object]
    failed: Callable[[Exception], object]
    """Called when its packets cannot be made tags; it has left by then."""
    last: int | None = None
    """Decode time in ns, on the outlet's timeline, of what was sent last of this track in this connection, by whomever;
    None = nothing was."""
    headers_again: bool = False
    """Whether what announces it is sent again and again, for those who begin to watch later."""
    brought: int = attrs.field(default=0, init=False)
    """Bytes that came for it, sent or not."""
    _tags: TrackTags = attrs.field(init=False)
    _shift: Times | None = attrs.field(default=None, init=False)
    _track: Track | None = attrs.field(default=None, init=False)
    """Of what was sent last."""
    _announced: int = attrs.field(default=0, init=False)
    """Decode time in ns of what came with a header last."""
    _gap: bool = attrs.field(default=True, init=False)
    """Whether pictures wait for a keyframe."""
    _reason: str = attrs.field(default=REASON_KEYFRAME, init=False)
    """Why they do."""
    _under_way: deque[int] = attrs.field(factory=lambda: deque[int](), init=False)
    """Where each unit ends that the peer has not acknowledged."""
    _left: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._tags = TrackTags(self.number)

    def join(self) -> None:
        """Begin, at the next keyframe."""
        self.hub.attach(self)
        self.beside.join(self)
        self._miss(REASON_KEYFRAME)

    # --- what the hub calls -------------------------------------------------------------------------------

    def offer(self, unit: Unit, packet: Packet) -> None:
        """Send it as a tag of this track, or drop it and count. Never raises."""
        self.counters.offered.add(self.kind)
        self.brought += len(packet.payload)
        if self._gap and not packet.keyframe:
            self.counters.drop(self.kind, self._reason)
            return
        shift = self._shift or _whole(self.behind(packet), packet, self.last)
        moved = attrs.evolve(packet, dts=packet.dts + shift.dts, pts=packet.pts + shift.pts)
        if not self.beside.takes(self.kind, moved.dts, again=self._gap):
            self._drop(self._reason if self._gap else REASON_BEHIND)
            return
        try:
            headers, tag = self._made(moved)
        except Exception as error:  # noqa: BLE001  a codec's code, which must not harm whose packet it is
            self.counters.drop(self.kind, REASON_LEFT_OUT)
            self.leave()
            self.failed(error)
            return
        self._shift, self._track, self.last = shift, packet.track, moved.dts
        for header in headers:
            self.beside.send(header, 0)
        self._send(tag, packet)

    def announce(self, units: Sequence[Unit]) -> None:
        """Told by `offer`, as what announces a track is made here."""

    def overloaded(self, packet: Packet) -> None:
        """The loop is too busy to hand this one over."""
        self.counters.offered.add(self.kind)
        self._drop(REASON_OVERLOAD)

    # --- what the outlet calls ----------------------------------------------------------------------------

    def leave(self) -> None:
        """Take nothing more. What is under way is settled by `write_off`."""
        self._left = True
        self.hub.detach(self)

    def settled(self, acknowledged: int) -> bool:
        """Whether it has left, and nothing of it is under way."""
        self._settle(acknowledged)
        return self._left and not self._under_way

    def write_off(self, acknowledged: int) -> None:
        """Count what ends beyond `acknowledged` as lost with the connection."""
        self.leave()
        self._settle(acknowledged)
        lost, self._under_way = len(self._under_way), deque()
        self.counters.sent.add(self.kind, -lost)
        if lost:
            self.counters.drop(self.kind, REASON_LOST, lost)

    # --- inside -------------------------------------------------------------------------------------------

    def _made(self, moved: Packet) -> tuple[list[Tag], Tag]:
        """What announces the packet, and its tag. Raises whatever the codec's code does."""
        headers: list[Unit] = []
        if moved.track is not self._track:
            time = to_ms(moved.dts)
            headers = [*self.packer.change(moved.track, time)]
            if self._track is None:
                headers = [*self.packer.headers(time)]
        elif self.headers_again and moved.dts - self._announced >= HEADERS_EVERY:
            headers = [*self.packer.headers(to_ms(moved.dts))]
        if headers:
            self._announced = moved.dts
        unit = self.packer.unit(moved)
        assert isinstance(unit, Tag)
        tag = self._tags.of(unit)
        assert tag is not None, "a packet is no script data"
        made = (self._tags.of(header) for header in headers if isinstance(header, Tag))
        return [header for header in made if header is not None], tag

    def _send(self, tag: Tag, packet: Packet) -> None:
        end = self.beside.send(tag, packet.arrival)
        if end is None:
            self._drop(REASON_LEFT_OUT)
            return
        self._gap = False
        self.counters.sent.add(self.kind)
        self.counters.bytes += len(tag.head) + len(tag.body)
        self._settle(self.beside.acknowledged)
        self._under_way.append(end)

    def _settle(self, acknowledged: int) -> None:
        while self._under_way and self._under_way[0] <= acknowledged:
            self._under_way.popleft()

    def _drop(self, reason: str) -> None:
        """Count one that is not sent."""
        self.counters.drop(self.kind, reason)
        if not self._gap:
            self._miss(reason)

    def _miss(self, reason: str) -> None:
        """Nothing is sent up to the next keyframe."""
        self._gap, self._reason = True, reason
        if self.kind is _VIDEO:
            self.want_keyframe()


def _whole(behind: Times, packet: Packet, last: int | None) -> Times:
    """What moves `packet` to its place, after `last`: in whole ms, so that times of tags stay exact, and not shown
    before it is decoded."""
    dts = to_ms(behind.dts)
    if last is not None:
        dts = max(dts, to_ms(last) + 1 - to_ms(packet.dts))
    return Times(dts * NS_PER_MS, max(to_ms(behind.pts), dts) * NS_PER_MS)
