"""Hands one attempt's units to its transport, on the attempt's own timeline, and keeps the ledger of them.

A transport is a plugin: what it raises is told to the owner, and never reaches the hub, which has others to feed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic_ns
from typing import Protocol

import attrs

from camcast.contracts import PathReport, Transport, path_report, unsent
from camcast.flv.packer import to_ms
from camcast.media import MediaKind, Tag, Unit
from camcast.native.states import SenderState
from camcast.stream.flow import REASON_BEHIND, REASON_EARLY, REASON_LEFT_OUT, REASON_LOST, FlowCounters
from camcast.stream.ledger import Ledger
from camcast.stream.marks import ARRIVAL, KIND, SENT
from camcast.stream.observed import Reading

SLOW_SEND = 0.005
"""Seconds of `send` that are told: a whole round of the hub takes less, and everybody else waits meanwhile."""
LAST = 2**62
"""No position is beyond this."""
LATENCY_SHARE = 0.05
"""Weight of a new measurement of the latency."""
HELD = 2.0
"""Seconds between two looks that show that the loop, or the whole process, stood still: no latency is measured then."""
JUST_NOW = 0.01
"""Seconds that a look may be old for a regulator: whoever looks for a stall has asked in the same turn of the loop."""

_VIDEO = MediaKind.VIDEO


class SenderOwner(Protocol):
    """What a sender tells. All calls on the loop, from within the hub's round: return at once."""

    def dropped(self, kind: MediaKind) -> None:
        """A unit was dropped; the counters have it already."""

    def slow(self, seconds: float) -> None:
        """The transport's `send` took this long, which it must not: it holds up everybody."""

    def broken(self, error: Exception) -> None:
        """What the transport raised, which it must not. Nothing more should be sent."""


@attrs.define(eq=False)
class Sender(SenderState):
    """One attempt's way to its transport."""

    transport: Transport
    ledger: Ledger
    owner: SenderOwner
    counters: FlowCounters
    base: int | None
    """Time on the hub in ms that is this attempt's 0; None = not known before `begin`."""
    now: Callable[[], float]
    last_picture: float | None = attrs.field(default=None, init=False)
    """When the newest picture was sent."""
    unseen_since: float | None = attrs.field(default=None, init=False)
    """After `write_off`: when the first picture was sent that the peer has not acknowledged, or the newest one where it
    has all of them; None = there was no picture."""
    last_video: int = attrs.field(default=0, init=False)
    """The newest time sent, ms on the attempt's own timeline. Likewise `last_audio`."""
    last_audio: int = attrs.field(default=0, init=False)
    _looked: float = attrs.field(default=inf, init=False)
    """When the transport was last asked."""

    def begin(self, time: int) -> None:
        """The first unit's time on the hub is `time` less what the attempt's timeline is to begin with."""
        if self.base is None:
            self.base = time

    def headers(self, units: Sequence[Unit]) -> None:
        """Send units that are no media."""
        for unit in units:
            self.send(unit, None, 0)
            self.ledger.headers_end = self.ledger.end

    def send(self, unit: Unit, kind: MediaKind | None, arrival: int) -> None:
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
        now = self.now
        started = now()
        time = hub_time - self.base
        if packet is None:
            time = max(time, 0)
        elif packet.track.kind is _VIDEO:
            if time < self.last_video:
                time = self.last_video
            self.last_video = time
            self.last_picture = started
        else:
            if time < self.last_audio:
                if time < 0:
                    # Sound trails the picture in most streams. Put at 0, all of it would be heard at once.
                    self.counters.drop(MediaKind.AUDIO, REASON_EARLY)
                    return
                time = self.last_audio
            self.last_audio = time
        try:
            position = self.transport.send(unit, time)
        except Exception as error:  # noqa: BLE001  a plugin's bug ends its own attempt, not the hub's round
            self.failed(kind, error)
            return
        took = now() - started
        if took > SLOW_SEND:
            self.slow(took)
        self.account(position, size, hub_time, started, arrival, kind)

    def failed(self, kind: MediaKind | None, error: Exception) -> None:
        """The transport raised `error` instead of sending a unit that counts for `kind`."""
        if kind is not None:
            self.drop(kind, REASON_LOST)
        self.owner.broken(error)

    def slow(self, took: float) -> None:
        """Count a send that took so many seconds."""
        self.counters.slow_sends += 1
        self.owner.slow(took)

    def account(
        self, position: int | None, size: int, time: int, started: float, arrival: int, kind: MediaKind | None
    ) -> None:
        """A unit of `size` bytes, at `time` ms on the hub, was sent at `started` and ends at `position`.

        That is whatever the transport has returned, which is a plugin.
        """
        ledger = self.ledger
        if position is not None and not (isinstance(position, int) and position <= LAST):
            what = f"a number of {position.bit_length()} bits" if isinstance(position, int) else type(position).__name__
            self.failed(kind, TypeError(f"send gave {what}, not a position or None"))
            return
        if position is None and (ledger.estimated or not ledger.end):
            ledger.estimated = True
            position = ledger.end + size
        elif position is None or position <= ledger.end:
            if kind is not None:
                self.drop(kind, REASON_LEFT_OUT)
            return
        counters = self.counters
        if kind is _VIDEO:
            counters.sent.video += 1
        elif kind is not None:
            counters.sent.audio += 1
            counters.sound_bytes += size
        counters.bytes += size
        ledger.end = position
        ledger.marks.append((position, time, started, arrival, kind))

    def look(self) -> float:
        """Ask the transport how far it is, for the ledger; returns the time."""
        transport, ledger, now = self.transport, self.ledger, self.now()
        try:
            # What an estimated transport adds is pending too, so its units may settle a little late, but never early.
            done = ledger.end - transport.pending if ledger.estimated else transport.acked
            here = unsent(transport)
            if not (isinstance(done, int) and isinstance(here, int | None)):
                raise TypeError(f"acked is {done!r} and unsent {here!r}, not bytes")
        except Exception as error:  # noqa: BLE001  as with `send`
            self.owner.broken(error)
            return now
        newest = ledger.look(now, done, here)
        held, self._looked = now - self._looked > HELD, now
        if newest is not None and newest[ARRIVAL] and not held:
            seconds = (monotonic_ns() - newest[ARRIVAL]) / 1e9
            self.counters.latency += (seconds - self.counters.latency) * LATENCY_SHARE
            self.counters.way += (now - newest[SENT] - self.counters.way) * LATENCY_SHARE
        return now

    def reading(self) -> Reading | None:
        """What a regulator goes by. Asks, unless that has just been done. None = nothing has been acknowledged yet."""
        ledger, now = self.ledger, self.now()
        if not 0.0 <= now - self._looked <= JUST_NOW:
            now = self.look()
        if not ledger.delivered:
            return None
        waiting, drops = ledger.waiting(now), self.counters.dropped[_VIDEO, REASON_BEHIND]
        report = self._report()
        if report is None:
            return Reading(now, ledger.end, ledger.acknowledged, ledger.trip, waiting, drops)
        return Reading(
            report.at,
            report.sent,
            report.acked,
            report.trip,
            waiting,
            drops,
            lost=report.lost,
            report=report.number,
            every=report.every,
        )

    def _report(self) -> PathReport | None:
        try:
            return path_report(self.transport)
        except Exception as error:  # noqa: BLE001  as with `send`
            self.owner.broken(error)
            return None

    def adopt(self, counters: FlowCounters) -> None:
        """Count into `counters` from now on, with what is under way."""
        for mark in self.ledger.marks:
            kind = mark[KIND]
            if kind is not None:
                for one, way in ((counters, 1), (self.counters, -1)):
                    one.offered.add(kind, way)
                    one.sent.add(kind, way)
        self.counters = counters

    def write_off(self, *, settle: bool) -> None:
        """Count what is under way as lost with the connection; `settle`: ask the transport once more before."""
        if settle:
            self.look()
        if self.unseen_since is None:
            lost = (mark[SENT] for mark in self.ledger.marks if mark[KIND] is _VIDEO)
            self.unseen_since = next(lost, self.last_picture)
        for mark in self.ledger.marks:
            kind = mark[KIND]
            if kind is not None:
                self.counters.sent.add(kind, -1)
                self.counters.drop(kind, REASON_LOST)
        self.ledger.marks.clear()

    def drop(self, kind: MediaKind, reason: str) -> None:
        """Count a unit that is not sent."""
        self.counters.drop(kind, reason)
        self.owner.dropped(kind)
