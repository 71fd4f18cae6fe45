"""Chooses what one outlet gets of a camera's streams: all of its own, another one's pictures, or some of them.

    own hub ──> ear ──┐
                      ├──> selector ──> outlet
  other hub ──> ear ──┘

Sound is always its own stream's, so it never stops. Pictures come from one hub at a time and change over at a keyframe
of the one that they go to, on the timeline of the outlet's own; what announces the other picture comes before it. While
everything is sent there is no selector in the way: the outlet is the hub's again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from camcast.flv.packer import to_ms
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, TagType, Track, Unit
from camcast.stream.hub import Hub, Packer
from camcast.stream.ladder import Part
from camcast.stream.meters import Times
from camcast.stream.outlet import Outlet, OutletState

_VIDEO = MediaKind.VIDEO
EARLY = 20
"""ms by which other pictures are put before their time: less than is seen, and more than arrivals are known by."""

REFUSED = 3
"""Keyframes in a row that may come too late; the next one is taken as it is."""
EARLIER = 30
"""ms by which others are put earlier for each, at the most; never more than half of what lies between two of them."""


@attrs.define(eq=False)
class Ear:
    """Where one hub's units come in. Implements `HubOutlet`."""

    hub: Hub
    selector: Selector
    own: bool
    behind: Callable[[], Times] = Times
    """By how much this hub's timeline is behind the own one's. Asked at the keyframe at which its pictures begin."""
    shift: Times = attrs.field(factory=Times)
    """What its times are moved by, in whole ms; `place`: what they should be, which may have been sent already."""
    place: Times = attrs.field(factory=Times)
    seen: int = 0
    """Decode time of the last picture, ns; `distance`: from the one before."""
    distance: int = 0

    def see(self, dts: int) -> None:
        """Another picture of its has come."""
        self.seen, self.distance = dts, dts - self.seen

    def earlier(self, ms: int) -> int:
        """By how much the next picture may be put earlier without coming before the last one: ns, at most `ms`."""
        return max(0, min(ms, to_ms(self.distance) // 2)) * NS_PER_MS

    def settle(self) -> None:
        """Come nearer to where its times should be: each time by less than lies between two pictures."""
        step, shift, place = self.earlier(EARLIER), self.shift, self.place
        dts = max(place.dts, shift.dts - step)
        self.shift = Times(dts, max(place.pts, shift.pts - step, dts))

    def offer(self, unit: Unit, packet: Packet) -> None:
        self.selector.offer(self, unit, packet)

    def announce(self, units: Sequence[Unit]) -> None:
        if self.own:
            self.selector.announce(units)

    def overloaded(self, packet: Packet) -> None:
        self.selector.overloaded(self, packet)


@attrs.define(eq=False)
class Selector:
    """Of one outlet, which is live on `hub`."""

    outlet: Outlet
    hub: Hub
    """Its own."""
    packer: Callable[[], Packer]
    """Makes one more packer for what the outlet publishes, as its own stream's tracks are now."""
    settled: Callable[[Selector], object]
    """Called when what was asked for is what is sent."""
    gone: Callable[[Selector], object]
    """Called when the outlet was found closed; nothing is attached any more."""
    failed: Callable[[Selector, Hub, Exception], object]
    """Called when the pictures of this hub cannot be made what the outlet publishes. Those that were sent go on, unless
    they are the ones: then there are none until something else is asked for."""
    _own: Ear = attrs.field(init=False)
    _now: Ear = attrs.field(init=False)
    """Whose pictures are sent. `_next`: whose are to be, from a keyframe on; None = it is as asked."""
    _next: Ear | None = attrs.field(default=None, init=False)
    _part: Part = attrs.field(default=Part.ALL, init=False)
    _wanted: Part = attrs.field(default=Part.ALL, init=False)
    """From `_next`'s keyframe on."""
    _packer: Packer | None = attrs.field(default=None, init=False)
    """Makes the units of other hubs' pictures."""
    _track: Track | None = attrs.field(default=None, init=False)
    """Of the picture that was sent last, where that is another hub's."""
    _last: int = attrs.field(default=0, init=False)
    """Its dts in ns on its hub's timeline."""
    _end: Times = attrs.field(factory=Times, init=False)
    """On the outlet's own: where that is, and the latest that is shown of another hub's."""
    _refused: int = attrs.field(default=0, init=False)
    """Keyframes at which it did not change over."""
    _attached: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._own = self._now = Ear(self.hub, self, own=True)

    def want(self, part: Part, hub: Hub | None = None, behind: Callable[[], Times] = Times) -> bool:
        """Send so much of the pictures of `hub`, None = its own. False = not now: ask again a little later.

        `behind` is that of `Ear`.
        """
        if not self._attach():
            return False
        self._forget_next()
        if hub is None:
            ear = self._own
        else:
            goes_on = self._now.hub is hub and self._now in hub.attached
            ear = self._now if goes_on else Ear(hub, self, own=False, behind=behind)
        if ear is self._now and (part is Part.KEYFRAMES or self._part is not Part.KEYFRAMES):
            # Fewer pictures, or those back that nothing refers to: at any moment.
            self._part = part
            self.settled(self)
            return True
        self._next, self._wanted = ear, part
        if ear not in (self._own, self._now):
            ear.hub.attach(ear)
        return True

    @property
    def pending(self) -> bool:
        """Whether what was asked for waits for a keyframe."""
        return self._next is not None

    # --- what its ears hear ---------------------------------------------------------------------------------

    def offer(self, ear: Ear, unit: Unit, packet: Packet) -> None:
        """Send it, leave it out, or pass over it."""
        if self.outlet.state is OutletState.CLOSED:
            self._detach()
            self.gone(self)
        elif packet.track.kind is not _VIDEO:
            if ear.own:
                self.outlet.offer(unit, packet)
                self._step_aside()
        else:
            if ear is self._next and packet.keyframe and not self._too_late(ear, packet):
                self._change_over(ear, packet)
            if ear is self._now:
                self._picture(ear, unit, packet)

    def announce(self, units: Sequence[Unit]) -> None:
        """Its own stream's parameters changed. Those of a picture that is not sent are told when it is sent again."""
        if not self._now.own:
            units = [unit for unit in units if isinstance(unit, Tag) and unit.type is TagType.AUDIO]
        self.outlet.announce(units)

    def overloaded(self, ear: Ear, packet: Packet) -> None:
        """The loop is too busy to hand this one over."""
        if ear is self._now or (ear.own and packet.track.kind is not _VIDEO):
            self.outlet.overloaded(packet)

    # --- inside ---------------------------------------------------------------------------------------------

    def _picture(self, ear: Ear, unit: Unit, packet: Packet) -> None:
        ear.see(packet.dts)
        if not packet.keyframe and (self._part is Part.KEYFRAMES or (self._part is Part.NEEDED and packet.disposable)):
            self.outlet.leave_out((packet.dts - self._last) / NS_PER_S)
            return
        self._last = packet.dts
        if ear.own:
            self.outlet.offer(unit, packet)
            self._step_aside()
            return
        try:
            moved, unit = self._moved(ear, packet)
        except Exception as error:  # noqa: BLE001  a codec's code, which must not harm whose packet it is
            ear.hub.detach(ear)
            self.failed(self, ear.hub, error)
            return
        self._end = Times(moved.dts, max(self._end.pts, moved.pts))
        self.outlet.offer(unit, moved)
        if packet.keyframe:
            ear.settle()

    def _moved(self, ear: Ear, packet: Packet) -> tuple[Packet, Unit]:
        """Another hub's picture at its place, after what announces it. Raises whatever the codec's code does."""
        assert self._packer is not None
        moved = attrs.evolve(packet, dts=packet.dts + ear.shift.dts, pts=packet.pts + ear.shift.pts)
        if packet.track is not self._track:
            units = self._packer.change(packet.track, to_ms(moved.dts))
            self._track = packet.track
            self.outlet.announce(units)
        return moved, self._packer.unit(moved)

    def _too_late(self, ear: Ear, packet: Packet) -> bool:
        """Whether pictures were sent that come after this one of its own, which cannot be moved: streams are delayed
        differently. Then the next keyframe is waited for, and the others are put a little earlier until then."""
        over = max(self._end.dts - packet.dts, self._end.pts - packet.pts)
        if not ear.own or self._now.own or over < 0 or self._refused == REFUSED:
            return False
        self._refused += 1
        earlier = self._now.earlier(min(to_ms(over) + 1, EARLIER))
        self._now.shift -= Times(earlier, earlier)
        self._now.place -= Times(earlier, earlier)
        return True

    def _change_over(self, ear: Ear, packet: Packet) -> None:
        """Go on with `packet`, a keyframe; with what was, where that cannot be made a unit."""
        before = self._now
        if ear is not before:
            if before.own:
                shown = max((one.pts for one in self.hub.group.packets), default=0)
                self._end = Times(self.hub.latest_video or 0, shown)
            try:
                self._prepare(ear, packet)
            except Exception as error:  # noqa: BLE001  as in `_picture`
                self._forget_next()
                self.failed(self, ear.hub, error)
                return
            if not before.own:
                before.hub.detach(before)
            if ear.own:
                self._packer = self._track = None
            ear.seen = packet.dts
        self._now, self._next, self._part = ear, None, self._wanted
        self._refused = 0
        self.settled(self)

    def _prepare(self, ear: Ear, packet: Packet) -> None:
        """Announce the picture that `packet` begins. Raises whatever the codec's code does; then nothing has happened.

        Packers know what was announced last. A fresh one is told, and so the old one stays as it is until all is well.
        """
        packer = self.packer()
        time = packet.dts
        place = shift = Times()
        if not ear.own:
            place, shift = self._shift(ear.behind(), packet)
            time += shift.dts
        if self._track is not None:
            packer.change(self._track, to_ms(time))
        units = packer.change(packet.track, to_ms(time))
        packer.unit(attrs.evolve(packet, dts=time, pts=packet.pts + shift.pts))
        ear.place, ear.shift, self._packer, self._track = place, shift, packer, packet.track
        self.outlet.announce(units)

    def _shift(self, behind: Times, packet: Packet) -> tuple[Times, Times]:
        """What moves `packet` to its place, a little early so that the way back is free, and to after what was sent."""
        dts, pts = to_ms(behind.dts) - EARLY, to_ms(behind.pts) - EARLY
        place = Times(dts * NS_PER_MS, max(pts, dts) * NS_PER_MS)
        dts = max(dts, to_ms(self._end.dts) + 1 - to_ms(packet.dts))
        pts = max(pts, to_ms(self._end.pts) + 1 - to_ms(packet.pts), dts)
        return place, Times(dts * NS_PER_MS, pts * NS_PER_MS)

    def _attach(self) -> bool:
        """Come between the outlet and its hub. False = not now."""
        if self._attached:
            return True
        live = self.outlet.state in (OutletState.LIVE, OutletState.DROPPING)
        if not live or self.hub.behind or self.outlet not in self.hub.attached:
            # What waits for a later turn of the loop finds those only who are still attached then.
            return False
        self._last = self.hub.latest_video or 0
        self.hub.detach(self.outlet)
        self.hub.attach(self._own)
        self._attached = True
        return True

    def _step_aside(self) -> None:
        """Where everything is sent, the hub can do that by itself."""
        if self._now.own and self._part is Part.ALL and self._next is None and not self.hub.behind:
            self._detach()
            self.hub.attach(self.outlet)

    def _detach(self) -> None:
        self._forget_next()
        for ear in {self._now, self._own}:
            ear.hub.detach(ear)
        self._now, self._attached = self._own, False

    def _forget_next(self) -> None:
        ear, self._next = self._next, None
        if ear is not None and ear is not self._now and not ear.own:
            ear.hub.detach(ear)
