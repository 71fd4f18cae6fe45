"""A track's packets on their way out: in their order of decoding, with decode times. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from camcast.media import NS_PER_S, Packet, Track

from .clock import TrackClock
from .decode_order import DecodeTimes

MAX_COMPOSITION = NS_PER_S


class Delivery:
    """`deliver` takes the packets, with times of `clock`."""

    def __init__(self, clock: TrackClock, deliver: Callable[[Packet], None]) -> None:
        self.count = 0
        """Packets delivered."""
        self._clock = clock
        self._deliver = deliver
        self._order: DecodeTimes | None = None
        self._by_arrival = clock.by_arrival

    def time(self, timestamp: int, arrival: int) -> int:
        """Our time of a unit; only its place in the order where the times of arrival are given at the end."""
        clock = self._clock
        if not clock.by_arrival or self._order is None:
            return clock.stamp(timestamp, arrival)
        if not self._by_arrival:
            self._by_arrival = True
            self._release(self._order.reset())
        return clock.camera_time(timestamp)

    def push(self, packet: Packet) -> None:
        if self._order is None:
            self.count += 1
            self._deliver(packet)
        else:
            self._release(self._order.push(packet))

    def follow(self, track: Track) -> None:
        """What comes is reordered as in this track."""
        self.flush()
        self._order = DecodeTimes(track.reorder, track.frame_rate) if track.reorder else None

    def flush(self) -> None:
        """Hand on what waits for its decode time."""
        if self._order is not None:
            self._release(self._order.flush())

    def begin_anew(self) -> None:
        """Another format comes; what waits has been handed on."""
        self._order = None

    def _release(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self._clock.by_arrival:
                composition = min(max(packet.pts - packet.dts, 0), MAX_COMPOSITION)
                packet.dts = self._clock.arrival_time(packet.arrival)
                packet.pts = packet.dts + composition
            self.count += 1
            self._deliver(packet)
