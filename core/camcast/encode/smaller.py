"""A picture that is made smaller while its bitrate is too low for its size: fewer pictures, or fewer lines."""

from __future__ import annotations

import attrs

from camcast.media import NS_PER_S, Frame

EARLY = 0.25
"""Of the time from one picture to the next, by which one may come too early: clocks of cameras are not that even."""


@attrs.frozen
class Smaller:
    """What it is at the most."""

    frame_rate: float = 0.0
    """Pictures a second; 0 = as many as there are."""
    height: int = 0
    """Lines; 0 = as many as there are."""

    def __str__(self) -> str:
        """ "10 pictures/s, 360 lines"."""
        rate = f"{self.frame_rate:g} pictures/s" if self.frame_rate else ""
        return ", ".join(filter(None, (rate, f"{self.height} lines" if self.height else "")))

    def and_no_larger(self, other: Smaller) -> Smaller:
        """What is neither larger than this nor than `other`."""
        rates = [one.frame_rate for one in (self, other) if one.frame_rate]
        heights = [one.height for one in (self, other) if one.height]
        return Smaller(min(rates, default=0.0), min(heights, default=0))

    def rate(self, frame_rate: float) -> float:
        """Of a picture that has `frame_rate`, 0 = nobody knows."""
        return min(frame_rate or self.frame_rate, self.frame_rate or frame_rate)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Of a picture of this size, in the same proportions; both even."""
        if not self.height or height <= self.height:
            return width, height
        return max(2, round(width * self.height / height / 2) * 2), self.height & ~1


AS_IT_IS = Smaller()


@attrs.define(eq=False)
class Sparse:
    """Which pictures are taken of a stream that brings more."""

    rate: float = 0.0
    """Pictures a second; 0 = all."""
    _next: int | None = attrs.field(default=None, init=False)
    """When the next one is due, ns."""

    def takes(self, frame: Frame) -> bool:
        """Whether this one is to be encoded."""
        if not self.rate:
            return True
        period = int(NS_PER_S / self.rate)
        due = self._next
        if due is None or not due - 2 * period < frame.pts < due + 2 * period:
            # The first, or a clock that was set.
            self._next = frame.pts + period
            return True
        if frame.pts < due - EARLY * period:
            return False
        self._next = due + period
        return True
