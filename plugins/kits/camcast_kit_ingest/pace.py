"""Whether a sender's clock runs as fast as ours. Pure; times are passed in.

Its first seconds say nothing: servers begin with the group of pictures that they have kept, and encoders with what they
could not send yet. From then on, media that gets on by less than half or more than twice of what has passed, over ten
seconds and again over the next ten, comes of a clock that is wrong. A link that stood still and catches up is none:
what it brings too fast came too slowly before.
"""

from __future__ import annotations

from camcast.media import NS_PER_S

BEGIN = 3 * NS_PER_S
WINDOW = 10 * NS_PER_S
SLOW, FAST = 0.5, 2.0


class Pace:
    """Of one publication."""

    def __init__(self) -> None:
        self.wrong = False
        self.speed = 1.0
        """Of the sender's clock in the last window, 1 = as fast as ours."""
        self._first: int | None = None
        self._media = self._arrival = 0
        self._odd = 0
        """Windows one after another that were wrong the same way, slow ones counted down."""

    def look(self, media: int, arrival: int) -> bool:
        """Take one picture's time and its arrival, ns. Whether it has just been found to be wrong."""
        if self._first is None:
            self._first = arrival
        if self.wrong or arrival - self._first < BEGIN:
            self._media, self._arrival = media, arrival
            return False
        passed = arrival - self._arrival
        if passed < WINDOW:
            return False
        self.speed = (media - self._media) / passed
        self._media, self._arrival = media, arrival
        if self.speed < SLOW:
            self._odd = min(self._odd, 0) - 1
        elif self.speed > FAST:
            self._odd = max(self._odd, 0) + 1
        else:
            self._odd = 0
        self.wrong = abs(self._odd) > 1
        return self.wrong
