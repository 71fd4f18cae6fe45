"""When which packet of a clip is due on which of many streams: the same for every sender that is driven from here.

Real cameras are not in step, so streams are spread over `GROUPS` phases. Time goes in ticks of 5 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from camcast.media import NS_PER_MS, Packet

TICK_NS = 5 * NS_PER_MS
TICK = TICK_NS / 1e9
GROUPS = 16
STEP = 7
"""Ticks between two groups: 16 x 35 ms."""


class Schedule:
    """Which events are due at each tick, for `streams` streams playing the same clip over and over."""

    def __init__(self, packets: Sequence[Packet], length: int, streams: int) -> None:
        self.period = max(1, round(length / TICK_NS))
        self._slots: list[list[int]] = [[] for _ in range(self.period)]
        for index, packet in enumerate(packets):
            self._slots[min(self.period - 1, max(0, packet.dts) // TICK_NS)].append(index)
        groups = min(GROUPS, streams)
        self._groups = [(STEP * group, list(range(group, streams, groups))) for group in range(groups)]

    def next(self, tick: int) -> int:
        """The first tick after `tick` at which something is due."""
        slots, period = self._slots, self.period
        while True:
            tick += 1
            for delay, _ in self._groups:
                if slots[(tick - delay) % period]:
                    return tick

    def due(self, tick: int) -> Iterator[tuple[int, int, list[int]]]:
        """(pass, index of the packet, streams) of what is due at `tick`."""
        for delay, streams in self._groups:
            at = tick - delay
            if at < 0:
                continue
            for index in self._slots[at % self.period]:
                yield at // self.period, index, streams
