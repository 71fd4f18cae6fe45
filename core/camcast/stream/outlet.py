"""One attempt's view of a hub: starts at headers and a keyframe, keeps within its bounds, counts what it drops.

An outlet holds no live queue of its own: what the link has not taken waits in the transport, and the outlet decides by
what its ledger says of that.

    WAITING   nothing sent yet; drops until a keyframe, and after `KEYFRAME_PATIENCE` all but sound
    REPLAY    headers and the group of pictures go out in slices; live units line up behind them
    LIVE      every unit goes straight to the transport
    DROPPING  the link is behind: video is dropped up to the next keyframe that finds it caught up
    CLOSED    detached for good
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic
from typing import Protocol

from camcast.contracts import Transport
from camcast.flv.packer import to_ms
from camcast.media import MediaKind, Packet, Tag, TagType, Unit
from camcast.native import states
from camcast.stream.beside import Beside
from camcast.stream.flow import (
    REASON_BEHIND,
    REASON_KEYFRAME,
    REASON_OVERLOAD,
    REASON_REPLAY,
    REASON_THIN,
    REASON_UNHEARD,
    FlowCounters,
)
from camcast.stream.hub import Hub
from camcast.stream.ledger import Ledger, Limits
from camcast.stream.observed import Reading
from camcast.stream.outlet_figures import OutletFigures
from camcast.stream.pace import Pace
from camcast.stream.replay import Replay, Rest, packet_of
from camcast.stream.sender import Sender, SenderOwner

__all__ = ["Limits", "Outlet", "OutletOwner", "OutletState"]

KEYFRAME_PATIENCE = 2.0
"""Seconds without a keyframe after which that is told, and sound goes out alone: most streams have one by then."""
MAX_ANNOUNCED = 16
"""Headers kept for the keyframe at which video goes on; a newer one takes an older one's place."""


class OutletState(Enum):
    WAITING = "waiting"
    REPLAY = "replay"
    LIVE = "live"
    DROPPING = "dropping"
    CLOSED = "closed"


_LIVE = OutletState.LIVE
_VIDEO = MediaKind.VIDEO


class OutletOwner(SenderOwner, Protocol):
    """What an outlet tells its attempt, beside what its sender tells. On the loop, partly within the hub's round."""

    def want_keyframe(self) -> None:
        """The next picture that can be sent is a keyframe: ask for one, where somebody can be asked."""

    def keyframe_late(self, seconds: float) -> None:
        """For so many seconds pictures have come, and none of them is one to begin with. Called once."""

    def begun(self) -> None:
        """The first unit is about to be sent; where it is sound alone, the first picture. Called once."""


class Outlet(OutletFigures, states.OutletState):
    """One attempt's outlet. Implements `HubOutlet` for its hub and `Player` for its replay."""

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        owner: OutletOwner,
        *,
        counters: FlowCounters | None = None,
        base: int | None = None,
        first_time: int = 0,
        quiet: bool = False,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """`owner` is told what happens; `limits` bound what may wait on this machine.

        `base`: time on the hub in ms that is this attempt's 0 (hot pairs share one); None = the first unit has
        `first_time` ms on the attempt's own timeline. `quiet`: while this one waits for its first keyframe, another
        outlet still counts the frames. `now`: monotonic seconds.
        """
        self.state = OutletState.WAITING
        self.counters = FlowCounters() if counters is None else counters
        self._limits = limits
        self._owner = owner
        self._first_time = first_time
        self._quiet = quiet
        self._ledger = Ledger(limits)
        self._sender = Sender(transport, self._ledger, owner, self.counters, base, now)
        self._send = self._sender.send
        self._pace = Pace()
        self._hub: Hub | None = None
        self._replay: Replay | None = None
        self._group_end = 0
        self._announced: Sequence[Unit] = ()
        self._started = now()
        self._late = False
        """There has been no keyframe for `KEYFRAME_PATIENCE`."""
        self._alone = False
        """Sound has begun without a picture."""
        self.beside = Beside(self._sender, self._ledger, lambda: self.state in (_LIVE, OutletState.DROPPING))

    # --- life ---------------------------------------------------------------------------------------------

    def start(self, hub: Hub, *, at_keyframe: bool = False) -> None:
        """Attach to `hub`. `at_keyframe`: begin with the next keyframe, without replay (planned moves)."""
        self._hub = hub
        hub.attach(self, first=at_keyframe)
        if hub.latest_video is None:
            if hub.latest_audio is not None:
                self._begin(hub, hub.latest_audio)
        elif at_keyframe:
            return
        elif hub.group.packets and self._limits.replay_seconds and hub.group.bytes <= self._limits.replay_bytes:
            self._start_replay(hub, hub.latest_video)
        else:
            self._owner.want_keyframe()

    def limit(self, limits: Limits) -> None:
        """Other bounds from now on."""
        self._limits = limits
        self._ledger.limit(limits)

    def adopt(self, counters: FlowCounters) -> None:
        """Count into `counters` from now on, with what is still under way."""
        for packet in self._replay.lined_up() if self._replay is not None else ():
            counters.offered.add(packet.track.kind)
            self.counters.offered.add(packet.track.kind, -1)
        self._sender.adopt(counters)
        self.counters = counters

    def close(self) -> None:
        """Detach. For what is under way see `write_off`."""
        if self.state is OutletState.CLOSED:
            return
        self.state = OutletState.CLOSED
        if self._hub is not None:
            self._hub.detach(self)
        self.beside.leave()
        if self._replay is not None:
            self._give_up(self._replay.stop())

    def finish(self) -> None:
        """A clean end: send what tells the peer that no more comes, then detach."""
        if self.state in (OutletState.LIVE, OutletState.DROPPING) and self._hub is not None:
            self._sender.headers(self._hub.packer.end())
        self.close()

    def write_off(self, *, settle: bool) -> None:
        """Count frames that the peer has not acknowledged as lost. Call it before the transport is closed.

        `settle`: ask the transport once more; not after a failure, when a reset socket has forgotten its backlog.
        """
        self._sender.write_off(settle=settle)
        self.beside.write_off()

    # --- what the hub calls -------------------------------------------------------------------------------

    def offer(self, unit: Unit, packet: Packet) -> None:
        """Take one live unit: send it, line it up, or drop it and count. Never raises."""
        if self.state is not _LIVE:
            self._offer_before_live(unit, packet)
            return
        kind, ledger = packet.track.kind, self._ledger
        if kind is _VIDEO:
            self.counters.offered.video += 1
            if packet.keyframe:
                ledger.keyframe(len(packet.payload))
        else:
            self.counters.offered.audio += 1
        # Asked here and not in the ledger, because it is asked for each unit.
        if (ledger.end > ledger.clear_until or packet.dts > ledger.clear_before) and self._behind(kind, packet):
            return
        self._send(unit, kind, packet.arrival)

    def announce(self, units: Sequence[Unit]) -> None:
        """Parameters changed; told before the packet that needs it."""
        if self._replay is not None:
            for unit in units:
                self._replay.add(unit, live=False)
        elif self.state is OutletState.LIVE:
            self._sender.headers(units)
        elif self.state is OutletState.DROPPING:
            if any(isinstance(unit, Tag) and unit.type is TagType.AUDIO for unit in units):
                # Sound goes on while pictures are dropped.
                self._sender.headers(units)
            else:
                self._announced = (*self._announced, *units)[-MAX_ANNOUNCED:]

    def overloaded(self, packet: Packet) -> None:
        """The loop is too busy to hand this one over."""
        self.counters.offered.add(packet.track.kind)
        self._sender.drop(packet.track.kind, REASON_OVERLOAD)
        if packet.track.kind is MediaKind.VIDEO and self.state is OutletState.LIVE:
            self.state = OutletState.DROPPING

    def leave_out(self, distance: float) -> None:
        """A picture is not sent because the link is thin; those that are may be `distance` seconds apart."""
        self.counters.offered.video += 1
        self.counters.drop(_VIDEO, REASON_THIN)
        self._pace.allow(distance)

    def reading(self) -> Reading | None:
        """What a regulator goes by. Asks. None = nothing has been acknowledged yet, or a replay still goes out."""
        return self._sender.reading() if self._replay is None else None

    # --- what the replay calls ----------------------------------------------------------------------------

    def play(self, unit: Unit, *, live: bool) -> None:
        """See `Player`; likewise the next four."""
        packet = packet_of(unit)
        if packet is None:
            self._sender.headers((unit,))
        elif live:
            self._send(unit, packet.track.kind, packet.arrival)
        else:
            self._send(unit, None, 0)
            self._group_end = self._ledger.end

    def room(self) -> bool:
        self._sender.look()
        return self._ledger.room()

    def caught_up(self) -> bool:
        now = self._sender.look()
        return self._ledger.gone >= self._group_end and self._ledger.caught_up(now)

    def late(self, since: float, size: int) -> bool:
        now = self._sender.now()
        return now > since + self._limits.replay_seconds + self._ledger.opening(size, now)

    def played(self, rest: Rest | None) -> None:
        if rest is None:
            self._replay = None
            self.state = OutletState.LIVE
            return
        self.state = OutletState.DROPPING
        self._give_up(rest)
        self._sender.headers(rest.headers)
        self._owner.want_keyframe()

    # --- inside -------------------------------------------------------------------------------------------

    def _start_replay(self, hub: Hub, latest: int) -> None:
        replay = self._replay = Replay(hub, latest, self)
        self._sender.begin(replay.time - self._first_time)
        self.state = OutletState.REPLAY
        self.counters.replayed += replay.pictures
        sounds = hub.group.sounds
        if sounds and not self.counters.offered.total():
            # Of the first attempt. What later ones do not replay was offered to those before, or fell into an outage.
            self.counters.offered.audio += sounds
            self.counters.drop(MediaKind.AUDIO, REASON_UNHEARD, sounds)
        self._owner.begun()
        replay.start(self._sender.now())

    def _give_up(self, rest: Rest) -> None:
        self._replay = None
        self.counters.replayed -= rest.pictures
        for packet in rest.live:
            self._sender.drop(packet.track.kind, REASON_REPLAY)

    def _begin(self, hub: Hub, dts: int, *, whole: bool = True) -> None:
        """Send the headers; live units follow. `whole`: with a picture, where there is one."""
        time = to_ms(dts)
        self._sender.begin(time - self._first_time)
        self.state = OutletState.LIVE
        if whole:
            self._owner.begun()
        self._sender.headers(hub.packer.headers(time))

    def _offer_before_live(self, unit: Unit, packet: Packet) -> None:
        state, kind = self.state, packet.track.kind
        starts = kind is _VIDEO and packet.keyframe
        if state is OutletState.CLOSED or (state is OutletState.WAITING and self._quiet and not starts):
            return
        self.counters.offered.add(kind)
        if starts:
            self._ledger.keyframe(len(packet.payload))
        if self._replay is not None:
            self._replay.add(unit, live=True)
        elif state is OutletState.DROPPING:
            self._offer_dropping(unit, packet)
        elif starts and self._hub is not None:
            self._begin(self._hub, packet.dts)
            self._send(unit, kind, packet.arrival)
        else:
            self._before_a_keyframe(unit, packet)

    def _before_a_keyframe(self, unit: Unit, packet: Packet) -> None:
        """No picture can be shown yet."""
        kind, hub, waited = packet.track.kind, self._hub, self._sender.now() - self._started
        late = waited >= KEYFRAME_PATIENCE
        if late and not self._late:
            self._late = True
            self._owner.keyframe_late(waited)
            self._owner.want_keyframe()
        if late and kind is MediaKind.AUDIO and hub is not None:
            self._alone = True
            self._begin(hub, packet.dts, whole=False)
            self.state = OutletState.DROPPING
            self._send(unit, kind, packet.arrival)
        else:
            self.counters.drop(kind, REASON_KEYFRAME)

    def _offer_dropping(self, unit: Unit, packet: Packet) -> None:
        kind = packet.track.kind
        if kind is _VIDEO:
            if not packet.keyframe or not self._ledger.caught_up(self._sender.look(), packet.dts):
                self._sender.drop(kind, REASON_KEYFRAME if self._alone else REASON_BEHIND)
                return
            self.state = OutletState.LIVE
            if self._alone:
                self._alone = False
                self._owner.begun()
            self._sender.headers(self._announced)
            self._announced = ()
        elif self._ledger.behind(kind, packet.dts, self._sender.look()):
            self._sender.drop(kind, REASON_BEHIND)
            return
        self._send(unit, kind, packet.arrival)

    def _behind(self, kind: MediaKind, packet: Packet) -> bool:
        """Whether the link is over its bounds; then this unit is dropped, and video waits for a keyframe."""
        now = self._sender.look()
        if not self._ledger.behind(kind, packet.dts, now):
            return False
        if kind is _VIDEO:
            self.state = OutletState.DROPPING
        self._sender.drop(kind, REASON_BEHIND)
        return True
