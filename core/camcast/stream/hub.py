"""A rendition's fan-out: makes each unit once, remembers headers and the current group of pictures, feeds outlets.

An outlet never raises into the hub, and may attach or detach while the hub is feeding. When feeding takes
longer than `SLICE` in one turn of the loop, the rest waits for the next turn, in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

import attrs

from camcast.few import Few
from camcast.group import Group
from camcast.media import MediaKind, Packet, Track, Unit
from camcast.native.states import HubState

log = logging.getLogger(__name__)

_VIDEO = MediaKind.VIDEO
SLICE = 0.002
"""Seconds of feeding in one turn of the loop."""
MAX_BEHIND = 2048
"""Units waiting for a later turn; above it the loop is overloaded and units are dropped, counted."""


class Packer(Protocol):
    """Makes the units of one rendition from packets."""

    def headers(self, time: int) -> Sequence[Unit]:
        """What every attempt begins with, stamped `time` ms."""

    def change(self, track: Track, time: int) -> Sequence[Unit]:
        """What announces changed parameters in mid-stream."""

    def unit(self, packet: Packet) -> Unit: ...

    def end(self) -> Sequence[Unit]:
        """What tells the peer that no more comes."""


class HubOutlet(Protocol):
    """What the hub needs of an outlet."""

    def offer(self, unit: Unit, packet: Packet) -> None: ...

    def announce(self, units: Sequence[Unit]) -> None: ...

    def overloaded(self, packet: Packet) -> None: ...


@attrs.define(eq=False)
class _Work:
    """What is still to be done, from the outlet `at` on. `outlets` are those that were attached when it came."""

    call: Callable[[HubOutlet], None]
    outlets: tuple[HubOutlet, ...]
    packet: Packet | None
    at: int = 0


@attrs.define(eq=False)
class Hub(HubState):
    """One rendition's fan-out."""

    packer: Packer
    now: Callable[[], float] = perf_counter
    group: Group = attrs.field(factory=Group, init=False)
    latest_video: int | None = attrs.field(default=None, init=False)
    """The newest picture's decode time, ns; None before the first. Likewise `latest_audio`."""
    latest_audio: int | None = attrs.field(default=None, init=False)
    attached: tuple[HubOutlet, ...] = attrs.field(default=(), init=False)
    """Those that are fed; another tuple whenever they are others."""
    behind: Few[_Work] = attrs.field(factory=Few, init=False)
    """What waits for a later turn."""

    @property
    def outlets(self) -> int:
        return len(self.attached)

    def attach(self, outlet: HubOutlet, *, first: bool = False) -> None:
        """`first`: fed before the others, so that it can take over from one of them at a keyframe."""
        self.attached = (outlet, *self.attached) if first else (*self.attached, outlet)

    def detach(self, outlet: HubOutlet) -> None:
        self.attached = tuple(other for other in self.attached if other is not outlet)

    def packet(self, packet: Packet) -> None:
        """Take one packet: remember it, make its unit once, feed every outlet."""
        if packet.track.kind is _VIDEO:
            self.latest_video = packet.dts
            self.group.add(packet)
        else:
            self.latest_audio = packet.dts
            self.group.sounds += 1
        outlets = self.attached
        if not outlets:
            return
        unit = self.packer.unit(packet)
        if self.behind:
            self.postpone(unit, packet, outlets, 0)
            return
        if len(outlets) == 1:
            outlets[0].offer(unit, packet)
            return
        started = self.now()
        for index, outlet in enumerate(outlets):
            outlet.offer(unit, packet)
            if self.now() - started > SLICE and index + 1 < len(outlets):
                self.postpone(unit, packet, outlets, index + 1)
                return

    def postpone(self, unit: Unit, packet: Packet, outlets: tuple[HubOutlet, ...], at: int) -> None:
        """This turn has taken long enough: `outlets` from `at` on get `unit` in a later one."""
        self._later(_Work(lambda outlet: outlet.offer(unit, packet), outlets, packet, at))

    def change(self, track: Track, time: int) -> None:
        """Parameters changed: tell every outlet before the packet that carries them."""
        units = self.packer.change(track, time)
        if units:
            if self.behind:
                self._later(_Work(lambda outlet: outlet.announce(units), self.attached, None))
                return
            for outlet in self.attached:
                outlet.announce(units)

    def _later(self, work: _Work) -> None:
        if len(self.behind) >= MAX_BEHIND and work.packet is not None:
            for outlet in work.outlets[work.at :]:
                outlet.overloaded(work.packet)
            return
        self.behind.append(work)
        if len(self.behind) == 1:
            asyncio.get_running_loop().call_soon(self._catch_up)

    def _catch_up(self) -> None:
        started = self.now()
        while self.behind:
            work = self.behind[0]
            outlets = work.outlets
            while work.at < len(outlets):
                outlet = outlets[work.at]
                work.at += 1
                if outlets is self.attached or outlet in self.attached:
                    work.call(outlet)
                if self.now() - started > SLICE:
                    asyncio.get_running_loop().call_soon(self._catch_up)
                    return
            self.behind.popleft()
