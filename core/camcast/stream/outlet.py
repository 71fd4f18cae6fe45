"""One attempt's view of a hub: starts at headers and a keyframe, keeps within its bound, counts what it drops.

An outlet holds no live queue of its own: what the link has not taken is in the transport's `pending`, and the
outlet decides by it.

    WAITING   nothing sent yet; drops until a keyframe
    REPLAY    headers and the group of pictures go out in slices; live units line up behind them
    LIVE      every unit goes straight to the transport
    DROPPING  the link is behind: video is dropped up to the next keyframe that finds it below `RESUME`
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic, monotonic_ns, perf_counter
from typing import Final, Protocol

import attrs

from camcast.contracts import Transport
from camcast.flv.packer import to_ms
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, TagType, Unit
from camcast.stream.flow import FlowCounters
from camcast.stream.hub import Hub
from camcast.stream.replay import squeeze

log = logging.getLogger(__name__)

RESUME = 0.2
"""Seconds behind, below which video resumes at a keyframe."""
AUDIO_FACTOR = 2.0
"""Sound is dropped only this much later than the picture."""
SLICE_BYTES = 64 * 1024
SLICE_WAIT = 0.005
SLOW_SEND = 0.005
MAX_ANNOUNCED = 16
ASK_MS = 250
"""Media time after which the transport is asked again how much is pending, if nothing makes it sooner: `ASK_BYTES` sent
since, or the oldest of what it may not have sent reaching the bound."""
ASK_BYTES = 256 * 1024
REASON_KEYFRAME = "waiting for keyframe"
REASON_BEHIND = "link behind"
REASON_REPLAY = "replay too slow"
REASON_OVERLOAD = "engine overload"
REASON_LOST = "lost with the connection"


class OutletState(Enum):
    WAITING = "waiting"
    REPLAY = "replay"
    LIVE = "live"
    DROPPING = "dropping"
    CLOSED = "closed"


_LIVE = OutletState.LIVE
_VIDEO = MediaKind.VIDEO

_Mark = tuple[int, int, float, int, MediaKind | None]
"""Where a unit ends in the stream of bytes, its time on the hub in ms, when it was sent, its arrival, and the kind that
it counts for. A bare tuple, because there is one for each frame of each session."""
_END: Final = 0
_TIME: Final = 1
_SENT: Final = 2
_ARRIVAL: Final = 3
_KIND: Final = 4


class OutletOwner(Protocol):
    """What an outlet tells its attempt. All calls on the loop, some from within the hub's round: return at once."""

    def want_keyframe(self) -> None:
        """The next picture that can be sent is a keyframe: ask for one, where somebody can be asked."""

    def dropped(self, kind: MediaKind) -> None:
        """A unit was dropped; the counters have it already."""

    def slow(self, seconds: float) -> None:
        """The transport's `send` took this long, which it must not: it holds up everybody."""

    def broken(self, error: Exception) -> None:
        """What the transport raised, which it must not. The hub's other outlets go on."""

    def begun(self) -> None:
        """The first unit is about to be sent. Called once."""


@attrs.frozen
class Limits:
    """The bounds of one outlet."""

    seconds: float = 0.7
    """Seconds of media that may wait."""
    bytes: int = 4 * 1024 * 1024
    """Bytes that may wait."""
    replay_seconds: float = 2.0
    """Time for the replay; 0 = no replay: begin at the next keyframe."""
    replay_bytes: int = 4_000_000
    """A larger group of pictures is not replayed."""


@attrs.define(eq=False)
class Outlet:
    """One attempt's outlet. `owner` is told what happens; `limits` bound what the peer has not acknowledged."""

    transport: Transport
    limits: Limits
    owner: OutletOwner
    counters: FlowCounters = attrs.field(factory=FlowCounters, kw_only=True)
    base: int | None = attrs.field(default=None, kw_only=True)
    """Hub time in ms that is this attempt's 0; set at the first unit unless given (hot pairs share one)."""
    first_time: int = attrs.field(default=0, kw_only=True)
    """What the attempt's own timeline begins with, ms."""
    quiet: bool = attrs.field(default=False, kw_only=True)
    """While waiting for the first keyframe, another outlet still counts the frames."""
    now: Callable[[], float] = attrs.field(default=perf_counter, kw_only=True)
    state: OutletState = attrs.field(default=OutletState.WAITING, init=False)
    _hub: Hub | None = attrs.field(default=None, init=False)
    _marks: deque[_Mark] = attrs.field(factory=deque, init=False)
    _end: int = attrs.field(default=0, init=False)
    _backlog: deque[tuple[Unit, bool]] = attrs.field(factory=deque, init=False)
    _deadline: float = attrs.field(default=0.0, init=False)
    _timer: asyncio.Handle | None = attrs.field(default=None, init=False)
    _announced: Sequence[Unit] = attrs.field(default=(), init=False)
    _largest: int = attrs.field(default=0, init=False)
    _last_video: int = attrs.field(default=0, init=False)
    """The newest time sent, ms on the attempt's own timeline. Likewise `_last_audio`."""
    _last_audio: int = attrs.field(default=0, init=False)
    _acked: int = attrs.field(default=0, init=False)
    _rate: float = attrs.field(default=0.0, init=False)
    _rated: float = attrs.field(default=0.0, init=False)
    _well_until: int = attrs.field(default=-1, init=False)
    """Byte, and time in ms on the hub, up to which the link cannot be over its bound by what was last seen of it."""
    _well_before: int = attrs.field(default=0, init=False)

    # --- life ---------------------------------------------------------------------------------------------

    def start(self, hub: Hub, *, at_keyframe: bool = False) -> None:
        """Attach to `hub`. `at_keyframe`: begin with the next keyframe, without replay (planned moves)."""
        self._hub = hub
        hub.attach(self, first=at_keyframe)
        if hub.latest_video is None:
            self.state = OutletState.LIVE if hub.latest_audio is not None else OutletState.WAITING
            if hub.latest_audio is not None:
                self._begin(hub.latest_audio)
            return
        limits = self.limits
        affordable = limits.replay_seconds and hub.group.bytes <= limits.replay_bytes
        if at_keyframe or not hub.group.packets or not affordable:
            if not at_keyframe:
                self.owner.want_keyframe()
            return
        self._replay(hub, hub.latest_video)

    def adopt(self, counters: FlowCounters) -> None:
        """Count into `counters` from now on, with what is still under way."""
        for unit, live in self._backlog:
            packet = unit.packet if isinstance(unit, Tag) else unit
            if live and packet is not None:
                counters.offered.add(packet.track.kind)
                self.counters.offered.add(packet.track.kind, -1)
        for mark in self._marks:
            kind = mark[_KIND]
            if kind is not None:
                for mine, way in ((counters, 1), (self.counters, -1)):
                    mine.offered.add(kind, way)
                    mine.sent.add(kind, way)
        self.counters = counters

    def close(self) -> None:
        """Detach; what the peer has not acknowledged counts as lost with the connection."""
        if self.state is OutletState.CLOSED:
            return
        if self._hub is not None:
            self._hub.detach(self)
        if self._timer is not None:
            self._timer.cancel()
        for unit, live in self._backlog:
            if live:
                self._drop_unit(unit, REASON_REPLAY)
        self._backlog.clear()
        self.state = OutletState.CLOSED

    def finish(self) -> None:
        """A clean end: send what tells the peer that no more comes, then detach."""
        if self.state in (OutletState.LIVE, OutletState.DROPPING) and self._hub is not None:
            for unit in self._hub.packer.end():
                self._raw(unit, None, 0)
        self.close()

    def write_off(self, *, settle: bool) -> None:
        """Count frames that the peer has not acknowledged as lost. Call it before the transport is closed.

        `settle`: ask the transport once more; not after a failure, when a reset socket has forgotten its backlog.
        """
        if settle:
            self._settle()
        for mark in self._marks:
            kind = mark[_KIND]
            if kind is not None:
                self.counters.sent.add(kind, -1)
                self.counters.drop(kind, REASON_LOST)
        self._marks.clear()

    # --- what the hub calls -------------------------------------------------------------------------------

    def offer(self, unit: Unit, packet: Packet) -> None:
        """Take one live unit: send it, line it up, or drop it and count. Never raises."""
        if self.state is not _LIVE:
            self._offer_before_live(unit, packet)
            return
        kind = packet.track.kind
        offered = self.counters.offered
        if kind is _VIDEO:
            offered.video += 1
        else:
            offered.audio += 1
        # Even if nothing has been acknowledged since the transport was last asked, it cannot be over the bound.
        if (self._end > self._well_until or packet.dts > self._well_before) and self._behind(kind, packet):
            return
        self._send(unit, packet, kind)

    def announce(self, units: Sequence[Unit]) -> None:
        """Parameters changed; told before the packet that needs it."""
        if self.state is OutletState.REPLAY:
            self._backlog.extend((unit, False) for unit in units)
        elif self.state is OutletState.LIVE:
            for unit in units:
                self._raw(unit, None, 0)
        elif self.state is OutletState.DROPPING:
            if any(isinstance(unit, Tag) and unit.type is TagType.AUDIO for unit in units):
                # Sound goes on while pictures are dropped.
                for unit in units:
                    self._raw(unit, None, 0)
            else:
                self._announced = (*self._announced, *units)[-MAX_ANNOUNCED:]

    def overloaded(self, packet: Packet) -> None:
        self.counters.offered.add(packet.track.kind)
        self._drop(packet.track.kind, REASON_OVERLOAD)
        if packet.track.kind is MediaKind.VIDEO and self.state is OutletState.LIVE:
            self.state = OutletState.DROPPING

    # --- figures ------------------------------------------------------------------------------------------

    @property
    def sending(self) -> bool:
        """Whether media has begun to go out."""
        return self._end > 0

    @property
    def lag(self) -> float:
        """Seconds of media that the peer has not acknowledged.

        Never more than the oldest of it has waited: a burst from a source is not a slow link.
        """
        pending = self._pending()
        self._settle(pending)
        done = self._end - pending + self._added(pending)
        first = next((mark for mark in self._marks if mark[_END] > done), None)
        if first is None:
            return 0.0
        return min((self._marks[-1][_TIME] - first[_TIME]) / 1000, self.now() - first[_SENT])

    @property
    def waiting(self) -> float:
        """Seconds since the oldest unit was sent that the peer has not acknowledged whole; 0 = there is none."""
        return self.now() - self._marks[0][_SENT] if self._marks else 0.0

    # --- inside -------------------------------------------------------------------------------------------

    def _offer_before_live(self, unit: Unit, packet: Packet) -> None:
        state, kind = self.state, packet.track.kind
        starts = kind is _VIDEO and packet.keyframe
        if state is OutletState.CLOSED or (state is OutletState.WAITING and self.quiet and not starts):
            return
        self.counters.offered.add(kind)
        if state is OutletState.REPLAY:
            self._backlog.append((unit, True))
        elif state is OutletState.DROPPING:
            self._offer_dropping(unit, packet)
        elif starts:
            self._begin(packet.dts)
            self._send(unit, packet, kind)
        else:
            self.counters.drop(kind, REASON_KEYFRAME)

    def _begin(self, dts: int) -> None:
        """Send the headers; the attempt's 0 is `dts` unless given."""
        assert self._hub is not None
        time = to_ms(dts)
        if self.base is None:
            self.base = time - self.first_time
        self.state = OutletState.LIVE
        self.owner.begun()
        for unit in self._hub.packer.headers(time):
            self._raw(unit, None, 0)

    def _replay(self, hub: Hub, latest: int) -> None:
        # The next picture may well come before sound that has been sent: decode time runs ahead of showing.
        group = squeeze(hub.group.packets, latest + NS_PER_MS)
        time = to_ms(group[0].dts)
        if self.base is None:
            self.base = time - self.first_time
        self.state = OutletState.REPLAY
        self._backlog.extend((unit, False) for unit in hub.packer.headers(time))
        self._backlog.extend((hub.packer.unit(packet), False) for packet in group)
        self.counters.replayed += len(group)
        self._deadline = monotonic() + self.limits.replay_seconds
        self.owner.begun()
        self._slice()

    def _slice(self) -> None:
        """One turn's worth of replay; ends in LIVE, or in DROPPING when the link is too slow for it."""
        self._timer = None
        budget = SLICE_BYTES
        room = self._pending() <= 4 * SLICE_BYTES
        while self._backlog and budget > 0 and room:
            unit, live = self._backlog.popleft()
            packet = unit.packet if isinstance(unit, Tag) else unit
            budget -= len(packet.payload) if packet else 256
            if live and packet is not None:
                self._send(unit, packet, packet.track.kind)
            else:
                self._raw(unit, None, 0)
        if self.state is not OutletState.REPLAY:
            return
        if not self._backlog:
            self.state = OutletState.LIVE
            return
        if monotonic() > self._deadline:
            self._give_up_replay()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_soon(self._slice) if room else loop.call_later(SLICE_WAIT, self._slice)

    def _give_up_replay(self) -> None:
        for unit, live in self._backlog:
            if live:
                self._drop_unit(unit, REASON_REPLAY)
            elif isinstance(unit, Tag) and unit.packet is None:
                self._raw(unit, None, 0)
            else:
                self.counters.replayed -= 1
        self._backlog.clear()
        self.state = OutletState.DROPPING
        self.owner.want_keyframe()

    def _offer_dropping(self, unit: Unit, packet: Packet) -> None:
        kind = packet.track.kind
        if kind is MediaKind.VIDEO:
            if not packet.keyframe or self.lag >= RESUME:
                self._drop(kind, REASON_BEHIND)
                return
            self.state = OutletState.LIVE
            self._well_until = -1
            for header in self._announced:
                self._raw(header, None, 0)
            self._announced = ()
        elif self.lag > self._bound() * AUDIO_FACTOR:
            self._drop(kind, REASON_BEHIND)
            return
        self._send(unit, packet, kind)

    def _behind(self, kind: MediaKind, packet: Packet) -> bool:
        """Whether the link is over its bound; then this unit is dropped and video waits for a keyframe."""
        pending = self._pending()
        if pending < SLICE_BYTES:
            if self._marks and self._end - pending >= self._marks[0][_END]:
                self._settle(pending)
            time = to_ms(packet.dts)
            until = time + ASK_MS
            if self._marks:
                until = min(until, self._marks[0][_TIME] + int(self.limits.seconds * 1000))
            if time < until:
                self._well_until = self._end + min(ASK_BYTES, self.limits.bytes) - pending
                self._well_before = until * NS_PER_MS - NS_PER_MS // 2 - 1
                return False
        lag = self.lag
        bound = self._bound()
        if kind is MediaKind.AUDIO:
            if lag <= bound * AUDIO_FACTOR and pending <= AUDIO_FACTOR * self._byte_bound():
                return False
            self._drop(kind, REASON_BEHIND)
            return True
        if lag <= bound and pending <= self._byte_bound():
            return False
        self.state = OutletState.DROPPING
        self._drop(kind, REASON_BEHIND)
        return True

    def _pending(self) -> int:
        return self._ask(lambda: self.transport.pending)

    def _ask(self, figure: Callable[[], int]) -> int:
        try:
            return figure()
        except Exception as error:  # noqa: BLE001  as with `send`
            self.owner.broken(error)
            return 0

    def _added(self, pending: int) -> int:
        """How much of `pending` the transport may have added to our units (its headers), at most.

        Without this the last unit before a pause seems to be waiting still when the first ones after it are.
        """
        acked = self._ask(lambda: self.transport.acked)
        whole = acked + pending
        extra = whole - self._end
        return pending * extra // whole + pending // 32 if extra > 0 else 0

    def _bound(self) -> float:
        """Seconds; never below what one keyframe needs at the measured rate."""
        if self._rate <= 0:
            return self.limits.seconds
        return max(self.limits.seconds, 1.5 * self._largest / self._rate)

    def _byte_bound(self) -> int:
        return max(self.limits.bytes, 2 * self._largest)

    def _settle(self, pending: int | None = None) -> None:
        """Forget what the peer has acknowledged; measure latency and, while behind, the link's rate."""
        done = self._end - (self._pending() if pending is None else pending)
        marks = self._marks
        last: _Mark | None = None
        while marks and marks[0][_END] <= done:
            last = marks.popleft()
        if last is not None and last[_ARRIVAL]:
            seconds = (monotonic_ns() - last[_ARRIVAL]) / 1e9
            self.counters.latency += (seconds - self.counters.latency) * 0.05
        now = monotonic()
        if done > self._acked and now - self._rated > 0.2:
            if marks and self._rated:
                measured = (done - self._acked) / (now - self._rated)
                self._rate = measured if self._rate == 0 else self._rate + (measured - self._rate) * 0.3
            self._acked = done
            self._rated = now

    def _send(self, unit: Unit, packet: Packet, kind: MediaKind) -> None:
        if packet.keyframe and kind is _VIDEO:
            self._largest = max(len(packet.payload), self._largest * 9 // 10)
        self._raw(unit, kind, packet.arrival)

    def _raw(self, unit: Unit, kind: MediaKind | None, arrival: int) -> None:
        """Send `unit`, which counts for `kind`: None for headers and pictures sent again."""
        if isinstance(unit, Tag):
            packet = unit.packet
            size = len(unit.head) + len(unit.body)
            hub_time = unit.time
        else:
            packet = unit
            size = len(unit.payload)
            hub_time = to_ms(unit.dts)
        assert self.base is not None
        time = hub_time - self.base
        if packet is None:
            time = max(time, 0)
        elif packet.track.kind is _VIDEO:
            if time < self._last_video:
                time = self._last_video
            self._last_video = time
        else:
            if time < self._last_audio:
                time = self._last_audio
            self._last_audio = time
        now = self.now
        started = now()
        try:
            self.transport.send(unit, time)
        except Exception as error:  # noqa: BLE001  a plugin's bug ends its own attempt, not the hub's round
            if kind is not None:
                self._drop(kind, REASON_LOST)
            self.owner.broken(error)
            return
        took = now() - started
        if took > SLOW_SEND:
            self.counters.slow_sends += 1
            self.owner.slow(took)
        counters = self.counters
        if kind is _VIDEO:
            counters.sent.video += 1
        elif kind is not None:
            counters.sent.audio += 1
        counters.bytes += size
        self._end += size
        self._marks.append((self._end, hub_time, started, arrival, kind))

    def _drop(self, kind: MediaKind, reason: str) -> None:
        self.counters.drop(kind, reason)
        self.owner.dropped(kind)

    def _drop_unit(self, unit: Unit, reason: str) -> None:
        packet = unit.packet if isinstance(unit, Tag) else unit
        if packet is not None:
            self._drop(packet.track.kind, reason)
