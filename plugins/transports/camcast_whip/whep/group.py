"""The present group of pictures, for those who come while it runs: cut for RTP once, whoever gets it.

The payloads are those that the hub's own group holds, so keeping them here costs no copy. A newcomer gets all pictures
that others refer to, close together in time, so that a player shows the present at once instead of playing the group
from its beginning. A group that is too long is nobody's: then newcomers wait for the next keyframe.
"""

from __future__ import annotations

import attrs

from camcast.media import Packet

MAX_BYTES = 4_000_000
"""More takes longer to send than waiting for the next keyframe: the hub's replay has the same bound."""
MAX_PICTURES = 1500
STEP = 1
"""Milliseconds between two pictures of a replay."""


@attrs.define(eq=False)
class Unit:
    """One unit, and what RTP packets of it carry once somebody wanted it."""

    packet: Packet
    time: int
    """Milliseconds on the attempt's timeline."""
    parts: list[bytes] | None = None


class Group:
    """Since the last keyframe."""

    def __init__(self) -> None:
        self._units: list[Unit] = []
        self._bytes = 0

    def add(self, unit: Unit) -> None:
        """One more picture; a keyframe begins anew."""
        if unit.packet.keyframe:
            self._units, self._bytes = [], 0
        elif not self._units:
            return
        self._units.append(unit)
        self._bytes += len(unit.packet.payload)
        if self._bytes > MAX_BYTES or len(self._units) > MAX_PICTURES:
            self.forget()

    def forget(self) -> None:
        """It is of no use any more: up to the next keyframe there is none."""
        self._units, self._bytes = [], 0

    def replay(self) -> list[tuple[Unit, int]]:
        """Its pictures, each with the time at which a newcomer is to show it; none where there is no group."""
        units = [unit for unit in self._units if not unit.packet.disposable]
        if not units:
            return []
        last, count = units[-1].time, len(units)
        return [(unit, max(unit.time, last - (count - 1 - index) * STEP)) for index, unit in enumerate(units)]
