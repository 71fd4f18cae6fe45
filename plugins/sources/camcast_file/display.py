"""Display times for pictures that come with decode times only: raw H.264 and H.265, AVI.

The order in which pictures are shown is in their bits. As a decoder does it, so many pictures are held as the stream
may reorder; whichever of them is to be shown first gets the next decode time as its display time, later by as much as
the order needs. No I/O.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from camcast.codec_kind import PictureOrder
from camcast.media import Packet

_DEFAULT_STEP = 40_000_000


class DisplayTimes:
    """Sets `pts` of packets that come in decode order. `reorder` is the track's, above 0."""

    def __init__(self, order: PictureOrder, reorder: int, delay: int | None = None) -> None:
        """`delay`: by how much display times must be later than decode times, where that is known (ns)."""
        self._order = order
        self._reorder = reorder
        self._waiting: deque[Packet] = deque()
        """In decode order, until all before them have their display times."""
        self._places: list[tuple[int, int, Packet]] = []
        self._dts: deque[int] = deque()
        """Decode times that are not given away as display times."""
        self._pushed = 0
        self._unset: set[int] = set()
        """Numbers of packets without a display time."""
        self._first: list[int] = []
        """Places of the first packets, by which the delay is found."""
        self._delay = delay

    def push(self, packet: Packet) -> list[Packet]:
        """Packets that are ready, in decode order. Raises `MediaError` where a picture's place cannot be told."""
        place = self._order.place(packet)
        heappush(self._places, (place, self._pushed, packet))
        self._unset.add(id(packet))
        self._pushed += 1
        self._waiting.append(packet)
        self._dts.append(packet.dts)
        if self._delay is None:
            self._first.append(place)
            if len(self._first) <= self._reorder + 1:
                return []
            self._settle()
        while len(self._places) > self._reorder:
            self._show_next()
        return self._ready()

    def flush(self) -> list[Packet]:
        """All that still wait."""
        if self._delay is None:
            self._settle()
        while self._places:
            self._show_next()
        return self._ready()

    def _settle(self) -> None:
        """By how much display times must be later than decode times, for the pictures seen so far."""
        shown = sorted(range(len(self._first)), key=self._first.__getitem__)
        depth = max((number - rank for rank, number in enumerate(shown)), default=0)
        times = list(self._dts)
        step = times[1] - times[0] if len(times) > 1 else _DEFAULT_STEP
        self._delay = depth * step

    def _show_next(self) -> None:
        _, _, packet = heappop(self._places)
        assert self._delay is not None
        packet.pts = self._dts.popleft() + self._delay
        self._unset.discard(id(packet))

    def _ready(self) -> list[Packet]:
        ready = []
        while self._waiting and id(self._waiting[0]) not in self._unset:
            ready.append(self._waiting.popleft())
        return ready
