"""How a new attempt shows the present at once: the current group of pictures, squeezed in time.

A decoder needs every picture since the keyframe, a viewer only the newest. So the group is sent with its
pictures a millisecond apart, in display order, ending where the live edge begins:

* disposable pictures whose time has passed are left out, as nothing refers to them;
* pictures that are shown after the live edge (B-frames make decode and display order differ) keep their own
  time, so that the order on screen stays right across the seam;
* decode times are a millisecond apart as well, and never later than the time of showing.

Sound is not replayed: it starts at the live edge. Live units that come meanwhile line up behind the group, until the
link has taken the group and caught up: a connection to a distant server starts slowly. When it does not take it in
time, the rest is given up for the next keyframe.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs

from camcast.flv.packer import to_ms
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, Unit
from camcast.stream.hub import Hub

SLICE_BYTES = 64 * 1024
"""Bytes sent in one turn of the loop: copying them to the kernel takes less than 0.1 ms, so others need not wait."""
SLICE_WAIT = 0.005
"""Seconds until the link is looked at again when it had no room: 64 KiB each 5 ms are 100 Mbit/s."""
HEADER_BYTES = 256
"""What a header counts in a slice."""


class Player(Protocol):
    """What sends a replay: the outlet."""

    def play(self, unit: Unit, *, live: bool) -> None:
        """Send one unit of the replay, or one of the `live` ones that have lined up behind it."""

    def room(self) -> bool:
        """Whether the link can take another slice now."""

    def caught_up(self) -> bool:
        """Whether the link has taken the group, and what came after it waits no longer than usual."""

    def late(self, since: float, size: int) -> bool:
        """Whether a replay of `size` bytes that began at `since` takes too long."""

    def played(self, rest: Rest | None) -> None:
        """The replay is over. None = all of it is sent; otherwise it was given up and `rest` is what was not."""


@attrs.frozen
class Rest:
    """What was not sent of a replay that was given up."""

    headers: Sequence[Unit]
    """Headers, which the live stream needs all the same."""
    pictures: int
    """Pictures of the group."""
    live: Sequence[Packet]
    """What had lined up behind it."""


class Replay:
    """One attempt's replay of a hub's present group of pictures."""

    def __init__(self, hub: Hub, latest: int, player: Player) -> None:
        """`latest`: the newest picture's dts, ns. Nothing is sent before `start`."""
        # The next picture may well come before sound that has been sent: decode time runs ahead of showing.
        group = squeeze(hub.group.packets, latest + NS_PER_MS)
        self.time = to_ms(group[0].dts)
        """When it begins on the hub's timeline, ms."""
        self.pictures = len(group)
        self._player = player
        self._size = sum(len(packet.payload) for packet in group)
        self._since = 0.0
        self._stopped = False
        self._timer: asyncio.Handle | None = None
        self._line: deque[tuple[Unit, bool]] = deque((unit, False) for unit in hub.packer.headers(self.time))
        self._line.extend((hub.packer.unit(packet), False) for packet in group)

    def start(self, now: float) -> None:
        """Send the first slice; the others follow by themselves, until `Player.played` is called."""
        self._since = now
        self._turn()

    def add(self, unit: Unit, *, live: bool) -> None:
        """Line up a live unit, or a header that has to come before the next one."""
        self._line.append((unit, live))

    def lined_up(self) -> Iterator[Packet]:
        """The live packets that wait behind the group."""
        return (packet for unit, live in self._line if live and (packet := packet_of(unit)) is not None)

    def stop(self) -> Rest:
        """Send nothing more; returns what was not sent."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        pictures = sum(packet_of(unit) is not None and not live for unit, live in self._line)
        rest = Rest([unit for unit, _live in self._line if packet_of(unit) is None], pictures, [*self.lined_up()])
        self._line.clear()
        return rest

    def _turn(self) -> None:
        """Send one slice, and see what comes next."""
        self._timer = None
        room = self._player.room()
        budget = SLICE_BYTES if room else 0
        while self._line and budget > 0:
            unit, live = self._line.popleft()
            packet = packet_of(unit)
            budget -= len(packet.payload) if packet is not None else HEADER_BYTES
            self._player.play(unit, live=live)
        if self._stopped:  # from within `play`, when the transport broke
            return
        if not self._line and self._player.caught_up():
            self._player.played(None)
        elif self._player.late(self._since, self._size):
            self._player.played(self.stop())
        else:
            loop = asyncio.get_running_loop()
            # With room the next slice follows at once; otherwise, or with nothing to send, a look a little later.
            more = room and self._line
            self._timer = loop.call_soon(self._turn) if more else loop.call_later(SLICE_WAIT, self._turn)


def packet_of(unit: Unit) -> Packet | None:
    """The packet in a unit; None = a header."""
    return unit.packet if isinstance(unit, Tag) else unit


def squeeze(group: Sequence[Packet], live: int) -> list[Packet]:
    """Copies of the group's pictures (payloads shared) with new times; `live` is the next picture's dts in ns."""
    video = [packet for packet in group if packet.track.kind is MediaKind.VIDEO]
    kept = [packet for packet in video if not packet.disposable or packet.pts >= live]
    past = sorted((packet for packet in kept if packet.pts < live), key=lambda packet: packet.pts)
    shown = {id(packet): live - (len(past) - rank) * NS_PER_MS for rank, packet in enumerate(past)}
    first = live - 2 * len(kept) * NS_PER_MS
    return [
        attrs.evolve(packet, dts=first + index * NS_PER_MS, pts=shown.get(id(packet), packet.pts))
        for index, packet in enumerate(kept)
    ]
