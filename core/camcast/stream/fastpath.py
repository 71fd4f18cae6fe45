"""The steady path: from a feed to its outlets' transports in one call.

A message costs by the objects and functions that it passes, so what is the same for nearly all of them stands here in
one piece: a packet of a known track that goes on in time, copied by every rendition (tags for a server, packets for a
recording beside it), to outlets that are live and within their bounds. Everything else is left, untouched, to the
objects on the long way: feed, clock, rendition, hub, packer, outlet, sender. These hold all state; here are only
references to them, compared by identity before each use. What the short way does is what the long way would have done,
to the byte and to the count.

The same steps are there in C (`native/path.c`) for where that was built; the objects' state lies in C structs then, and
both forms work on it. Here is what counts: the C form does nothing else, and leaves to Python what is of another type
or size than usual.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, monotonic_ns, perf_counter

import attrs

from camcast.contracts import TakesTagParts
from camcast.flv.packer import TagPacker
from camcast.group import MAX_GROUP_BYTES, MAX_GROUP_PACKETS
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, TagType, Track, Unit
from camcast.native import extension
from camcast.native.states import BranchState, PathState, SteadyState, TapState, WayState
from camcast.stream.clock import Clock, Line
from camcast.stream.flow import FeedCounters
from camcast.stream.hub import SLICE, Hub, HubOutlet
from camcast.stream.ledger import Ledger
from camcast.stream.outlet import Outlet, OutletState
from camcast.stream.present import Present
from camcast.stream.pulse import Pulse
from camcast.stream.rendition import PacketPacker, Rendition
from camcast.stream.renditions import Renditions
from camcast.stream.sender import LAST, SLOW_SEND, Sender
from camcast.stream.slate_switch import SlateSwitch

_AUDIO, _VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
_LIVE = OutletState.LIVE
_HALF_MS = NS_PER_MS // 2
MOST_BRANCHES = 8
"""Renditions of one stream beyond which none of its packets goes the short way."""


@attrs.define(eq=False)
class Way(WayState):
    """Where one track's packets go: its line on the clock, and what its tags are called."""

    type: TagType
    line: Line


@attrs.define(eq=False)
class Tap(TapState):
    """One live outlet, fed with the parts of a unit: a tag's, or the packet itself."""

    outlet: Outlet
    sender: Sender
    ledger: Ledger
    tags: bool
    """Whether units are tags."""
    send_tag: Callable[[TagType, int, bytes, bytes], int | None] | None
    """The transport's, where it takes a tag's parts."""
    port: object | None
    """The transport's C code, for the C form; see `contracts.HasPort`."""

    @classmethod
    def of(cls, outlet: Outlet, *, tags: bool) -> Tap:
        """As its transport is."""
        sender = outlet.sender
        transport = sender.transport
        send_tag = transport.send_tag if tags and isinstance(transport, TakesTagParts) else None
        port = None
        if extension is not None and (send_tag is not None or not tags):
            try:
                port = getattr(transport, "native_port", None)
            except Exception as error:  # noqa: BLE001  a plugin's bug ends its own attempt
                sender.owner.broken(error)
        return cls(outlet, sender, sender.ledger, tags, send_tag, port)

    def offer(self, type: TagType, time: int, head: bytes, packet: Packet) -> bool:
        """Send what `Outlet.offer` would send at once; False = nothing has been done. `time`: ms on the hub."""
        ledger = self.ledger
        if self.outlet.state is not _LIVE or ledger.end > ledger.clear_until or packet.dts > ledger.clear_before:
            return False
        sender, video = self.sender, type is TagType.VIDEO
        own = time - sender.base  # type: ignore[operator]  # whoever is live has begun
        if own < (sender.last_video if video else sender.last_audio):
            return False
        now, counters = sender.now, sender.counters
        started = now()
        if video:
            kind = _VIDEO
            counters.offered.video += 1
            sender.last_video = own
            sender.last_picture = started
        else:
            kind = _AUDIO
            counters.offered.audio += 1
            sender.last_audio = own
        body = packet.payload
        try:
            if self.send_tag is not None:
                position = self.send_tag(type, own, head, body)
            else:
                position = sender.transport.send(self.unit(type, time, head, packet), own)
            # What a plugin returns may be anything.
            end = position if position.__class__ is int and ledger.end < position <= LAST else -1
        except Exception as error:  # noqa: BLE001  as in `Sender.send`
            sender.failed(kind, error)
            return True
        took = now() - started
        if took > SLOW_SEND:
            sender.slow(took)
        size = len(head) + len(body)
        if end < 0:
            sender.account(position, size, time, started, packet.arrival, kind)
            return True
        if video:
            counters.sent.video += 1
        else:
            counters.sent.audio += 1
            counters.sound_bytes += size
        counters.bytes += size
        ledger.end = end
        ledger.marks.append((end, time, started, packet.arrival, kind))
        return True

    def unit(self, type: TagType, time: int, head: bytes, packet: Packet) -> Unit:
        """What the packer would have made of these."""
        return Tag(type, time, head, packet.payload, packet.keyframe, packet) if self.tags else packet


@attrs.define(eq=False)
class Branch(BranchState):
    """One rendition at the last look, and who is fed by it. It holds as long as the first two and its hub's outlets are
    what they were."""

    rendition: Rendition
    straight: set[Track]
    hub: Hub
    attached: tuple[HubOutlet, ...]
    packer: TagPacker | None
    """None where units are packets."""
    taps: tuple[Tap, ...]
    video_heads: dict[int, bytes] | None
    """The packer's; None = nobody needs any. Likewise `audio_heads`."""
    audio_heads: dict[int, bytes] | None

    @classmethod
    def of(cls, rendition: Rendition) -> Branch | None:
        """As it is now; None = it is not of the usual kind."""
        hub = rendition.hub
        if hub is None or not isinstance(packer := hub.packer, TagPacker | PacketPacker):
            return None
        outlets = [outlet for outlet in hub.attached if isinstance(outlet, Outlet)]
        if len(outlets) != len(hub.attached):
            # Asked for each packet while one of them is something else.
            return None
        tags = packer if isinstance(packer, TagPacker) else None
        taps = tuple(Tap.of(outlet, tags=tags is not None) for outlet in outlets)
        video, audio = (tags.heads(kind) if tags is not None and taps else None for kind in (_VIDEO, _AUDIO))
        return cls(rendition, rendition.straight, hub, hub.attached, tags, taps, video, audio)

    @property
    def holds(self) -> bool:
        return self.rendition.straight is self.straight and self.hub.attached is self.attached

    def head(self, video: bool, key: int, size: int) -> bytes | None:
        """Of the tag for a packet of `size` bytes; b"" where there are none. None = it is not ordinary here."""
        hub = self.hub
        if hub.behind or (video and not hub.group.has_room(size)):
            return None
        heads = self.video_heads if video else self.audio_heads
        return b"" if heads is None else heads.get(key)

    def feed(self, type: TagType, time: int, head: bytes, packet: Packet) -> None:
        """As `Hub.packet`."""
        hub, taps = self.hub, self.taps
        if type is TagType.VIDEO:
            hub.group.packets.append(packet)
            hub.group.bytes += len(packet.payload)
            hub.latest_video = packet.dts
        else:
            hub.group.sounds += 1
            hub.latest_audio = packet.dts
        if self.packer is not None and taps:
            self.packer.time = time
        if len(taps) == 1:
            tap = taps[0]
            if not tap.offer(type, time, head, packet):
                tap.outlet.offer(tap.unit(type, time, head, packet), packet)
        else:
            _fan_out(hub, taps, type, time, head, packet)


@attrs.define(eq=False)
class Steady(SteadyState):
    """What was there at the last look. It holds as long as the renditions are what they were, and each branch does."""

    all: tuple[Rendition, ...]
    branches: tuple[Branch, ...]
    video_track: Track | None = None
    """None = there is none that all copy, or nothing has come of it. Likewise the others."""
    video: Way | None = None
    audio_track: Track | None = None
    audio: Way | None = None


class FastPath(PathState):
    """Of one feed."""

    def __init__(
        self,
        counters: FeedCounters,
        clock: Clock,
        pulse: Pulse,
        present: Present,
        slate: SlateSwitch,
        renditions: Renditions,
        encodes: Callable[[], bool],
    ) -> None:
        """`encodes`: whether packets or frames of the source are encoded anew, for whomever."""
        self._counters = counters
        self._clock = clock
        self._pulse = pulse
        self._present = present
        self._slate = slate
        self._renditions = renditions
        self._encodes = encodes
        self._steady: Steady | None = None

    def forget(self) -> None:
        """Something is another that is not looked at for each packet."""
        self._steady = None

    def take(self, packet: Packet) -> bool:
        """Pass `packet` on to every outlet; False = it is not an ordinary one, and nothing has been done."""
        steady = self._steady
        if steady is None or self._renditions.all is not steady.all:
            self.look()
            return False
        for branch in steady.branches:
            # As `holds` says, without the call.
            if branch.rendition.straight is not branch.straight or branch.hub.attached is not branch.attached:
                self.look()
                return False
        track, pulse = packet.track, self._pulse
        if track is steady.video_track:
            way = steady.video
        elif track is steady.audio_track:
            way = steady.audio
        else:
            way = None
        if way is None:
            if all(track in branch.straight for branch in steady.branches):
                self._steady = None  # it begins with this packet
            return False
        type, line = way.type, way.line
        source = packet.dts
        step = source - line.source_dts
        if not 0 < step < NS_PER_S or self._clock.broken or pulse.awaited or self._slate.on_air:
            return False
        pts, dts = packet.pts + line.offset, source + line.offset - line.shift
        if pts < dts or dts < line.dts:
            return False
        time = (dts + _HALF_MS) // NS_PER_MS
        key = (pts + _HALF_MS) // NS_PER_MS - time << 1 | packet.keyframe
        size, video = len(packet.payload), type is TagType.VIDEO
        counters, present = self._counters, self._present
        group = present.group
        if video and (packet.keyframe or not group.has_room(size)):
            return False
        heads = []
        for branch in steady.branches:
            head = branch.head(video, key, size)
            if head is None:
                return False
            heads.append(head)
        # From here on it is taken.
        if video:
            group.packets.append(packet)
            group.bytes += size
            counters.received.video += 1
        else:
            present.sound = packet
            group.sounds += 1
            counters.received.audio += 1
            counters.sound_bytes += size
        counters.bytes += size
        if not packet.arrival:
            packet.arrival = monotonic_ns()
        pulse.last = pulse.source = monotonic()
        line.step, line.source_dts, line.arrival, line.dts = step, source, packet.arrival, dts
        packet.dts, packet.pts = dts, pts
        first = steady.branches[0]
        for branch, head in zip(steady.branches, heads, strict=True):
            # What was fed before may have changed what comes after.
            if branch is first or (branch.holds and branch.head(video, key, size) is not None):
                branch.feed(type, time, head, packet)
            else:
                self._renditions.packet(branch.rendition, packet)
        return True

    def look(self) -> None:
        """See what there is now; it counts from the next packet on."""
        self._steady = self._found()

    def _found(self) -> Steady | None:
        """None = it is not of the usual kind."""
        every = self._renditions.all
        if not 0 < len(every) <= MOST_BRANCHES or self._encodes():
            return None
        branches = []
        for rendition in every:
            branch = Branch.of(rendition)
            if branch is None:
                return None
            branches.append(branch)
        if not any(branch.taps for branch in branches):
            return None
        steady = Steady(every, tuple(branches))
        for track in set.intersection(*(branch.straight for branch in branches)):
            line = self._clock.line(track.kind)
            if line is not None:
                if track.kind is _VIDEO:
                    steady.video_track, steady.video = track, Way(TagType.VIDEO, line)
                else:
                    steady.audio_track, steady.audio = track, Way(TagType.AUDIO, line)
        return steady


def _fan_out(hub: Hub, taps: tuple[Tap, ...], type: TagType, time: int, head: bytes, packet: Packet) -> None:
    """As `Hub.packet` does, with one unit for all who need one."""
    unit: Unit | None = None
    now, last = hub.now, len(taps) - 1
    started = now()
    for index, tap in enumerate(taps):
        if not tap.offer(type, time, head, packet):
            unit = unit or tap.unit(type, time, head, packet)
            tap.outlet.offer(unit, packet)
        if now() - started > SLICE and index < last:
            unit = unit or tap.unit(type, time, head, packet)
            hub.postpone(unit, packet, tuple(each.outlet for each in taps), index + 1)
            return


take_in_python = FastPath.take
"""The Python form, also where the C form runs: a test holds the two against each other."""

if extension is not None:
    extension.setup(
        live=_LIVE,
        monotonic=monotonic,
        perf_counter=perf_counter,
        group_bytes=MAX_GROUP_BYTES,
        group_packets=MAX_GROUP_PACKETS,
        slice=SLICE,
        slow_send=SLOW_SEND,
        last=LAST,
    )
    FastPath.take = extension.PathState.take  # type: ignore[method-assign]
