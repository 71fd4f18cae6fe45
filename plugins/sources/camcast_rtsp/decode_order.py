"""Decode times for a stream whose transport knows only display times (RTP, RFC 3550 §5.1). No I/O, no clock.

The i-th picture in decode order is given the i-th smallest display time, set back by as many pictures as the order
needs. How many it needs is seen in the first pictures, which wait for each other; what the stream allows is only the
upper bound, and for most cameras far too high. If more is needed later, decode times crowd for a moment.
"""

from __future__ import annotations

from heapq import heappush, heappushpop
from itertools import pairwise

from camcast.media import NS_PER_MS, Packet

MAX_WATCHED = 10
"""Pictures that wait in the beginning, at most."""
_TICK = NS_PER_MS // 4
_DEFAULT_STEP = 40 * NS_PER_MS


class DecodeTimes:
    """Sets `dts` of packets that come in decode order. `bound` is the track's `reorder`, above 0."""

    def __init__(self, bound: int, frame_rate: float = 0.0) -> None:
        self._bound = bound
        self._step = int(1e9 / frame_rate) if frame_rate > 0 else 0
        self._waiting: list[Packet] | None = []
        self._heap: list[int] = []
        self._last: int | None = None

    def push(self, packet: Packet) -> list[Packet]:
        """Packets that are ready, `dts` set; in the beginning some wait."""
        if self._waiting is not None:
            self._waiting.append(packet)
            second_keyframe = packet.keyframe and len(self._waiting) > 1
            if len(self._waiting) < min(self._bound + 2, MAX_WATCHED) and not second_keyframe:
                return []
            return self.flush()
        self._stamp(packet)
        return [packet]

    def flush(self) -> list[Packet]:
        """Those still waiting; from now on nobody waits."""
        waiting, self._waiting = self._waiting, None
        if not waiting:
            return []
        self._begin([packet.pts for packet in waiting])
        for packet in waiting:
            self._stamp(packet)
        return waiting

    def _begin(self, times: list[int]) -> None:
        depth = min(needed_depth(times), self._bound)
        ordered = sorted(times)
        steps = [later - earlier for earlier, later in pairwise(ordered) if later > earlier]
        step = self._step or (min(steps) if steps else _DEFAULT_STEP)
        for number in range(depth, 0, -1):
            heappush(self._heap, ordered[0] - number * step)

    def _stamp(self, packet: Packet) -> None:
        pts = packet.pts
        dts = heappushpop(self._heap, pts) if self._heap else pts
        if self._last is not None and dts <= self._last:
            if dts == pts and len(self._heap) < self._bound:
                # Shown before a picture whose turn has passed: more of them must lag than it seemed.
                heappush(self._heap, pts)
            dts = self._last + _TICK
        self._last = packet.dts = dts

    def reset(self) -> list[Packet]:
        """The stream changes: those still waiting; then the beginning again."""
        rest = self.flush()
        self._heap.clear()
        self._waiting = []
        self._last = None
        return rest


def needed_depth(times: list[int]) -> int:
    """By how many pictures decode times must lag, for display `times` in decode order."""
    order = sorted(range(len(times)), key=times.__getitem__)
    return max((place - rank for rank, place in enumerate(order)), default=0)
