"""How fast packets may go: a small picture at once, a keyframe over half of a frame's duration.

A keyframe sent at once fills the buffers of routers and of the receiver's socket, and what overflows is lost. A
backlog (the group of pictures at the start of an attempt) goes out at `RATE`. No clock here: times are passed in.
"""

from __future__ import annotations

import math

BURST = 10
"""Packets that go at once: 12 KB, less than what any socket holds."""
RATE = 5000.0
"""Packets per second, unless a picture needs more."""
LATE = 0.002
"""Seconds that a late timer may make up for."""


class Pacer:
    """A bucket of tokens, one per packet."""

    def __init__(self) -> None:
        self._tokens = float(BURST)
        self._rate = RATE
        self._at = 0.0

    def picture(self, packets: int, duration: float) -> None:
        """The next packets are a picture of so many, shown for `duration` seconds."""
        self._rate = max(RATE, packets / (duration / 2)) if duration > 0 else RATE

    def allowed(self, now: float) -> int:
        """How many packets may go now; take them by `take`."""
        most = max(BURST, self._rate * LATE)
        self._tokens = min(most, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        return int(self._tokens)

    def take(self, packets: int) -> None:
        self._tokens -= packets

    @property
    def wait(self) -> float:
        """Seconds until the next packet may go; at least a millisecond, which is what a loop can tell."""
        return max(0.001, (math.floor(self._tokens) + 1 - self._tokens) / self._rate)
