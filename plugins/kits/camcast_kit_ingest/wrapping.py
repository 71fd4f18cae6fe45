"""Times on a wire that begin anew when their bits are used up. Pure."""

from __future__ import annotations


def step(last: int, time: int, whole: int) -> int:
    """From one time to the next, the shorter way around; both are counted modulo `whole`."""
    half = whole >> 1
    return (time - last + half) % whole - half


class Unwrapped:
    """One kind of media's times, counted on and on."""

    def __init__(self, whole: int) -> None:
        """`whole`: ticks after which the wire's times begin anew."""
        self._whole = whole
        self.wire: int | None = None
        """The last time on the wire."""
        self.time = 0
        """The same, unwrapped."""

    def take(self, time: int, other: Unwrapped | None) -> int:
        """A time on the wire, unwrapped. The first follows `other`'s where there is one, so that both have wrapped
        around as often."""
        if self.wire is not None:
            self.time += step(self.wire, time, self._whole)
        elif other is None or other.wire is None:
            self.time = time
        else:
            self.time = other.time + step(other.wire, time, self._whole)
        self.wire = time
        return self.time
