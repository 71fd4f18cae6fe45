"""An encoder's time: ticks of one nominal frame, and which ns each of them stands for."""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction

from camcast.media import NS_PER_S

_REMEMBERED = 1024
"""Frames whose timestamps are kept: more than the longest look-ahead of any encoder."""


class Ticks:
    """`rate` is frames a second. A step of more than `leap` ticks is a jump of the clock."""

    def __init__(self, rate: Fraction, leap: int) -> None:
        self.last = -1
        """The last one taken; -1 = none yet."""
        self._length = NS_PER_S / rate
        self._leap = leap
        self._times: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._first_pts: int | None = None
        self._last_dts: int | None = None

    def take(self, pts: int, arrival: int) -> int:
        """The tick of the next frame, which is later than those before it."""
        if self._first_pts is None:
            self._first_pts = pts
        step = round((pts - self._first_pts) / self._length) - self.last
        if abs(step) > self._leap and self.last >= 0:
            # A jump of the clock is no reason to spend or to save a hole's worth of bits.
            self._first_pts += round((step - 1) * self._length)
            step = 1
        self.last += max(step, 1)
        self._times[self.last] = (pts, arrival)
        if len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        return self.last

    def times(self, pts: int | None, dts: int | None) -> tuple[int, int, int]:
        """Decode time, display time and arrival (ns) of what came out with these ticks, in the order of decoding."""
        shown, arrival = self._time(pts if pts is not None else self.last)
        decoded = min(self._time(dts)[0] if dts is not None else shown, shown)
        if self._last_dts is not None and decoded <= self._last_dts < shown:
            decoded = self._last_dts + 1
        self._last_dts = decoded
        return decoded, shown, arrival

    def clear(self) -> None:
        self._times.clear()

    def _time(self, tick: int) -> tuple[int, int]:
        """(ns, arrival) of a tick; ticks before the first frame, which B-frames need, are reckoned back."""
        known = self._times.get(tick)
        if known is not None:
            return known
        nearest = max((other for other in self._times if other < tick), default=next(iter(self._times)))
        pts, arrival = self._times[nearest]
        return pts + round((tick - nearest) * self._length), arrival
