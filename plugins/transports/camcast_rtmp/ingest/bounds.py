"""What one client may cost before anybody knows it, and what a publisher may. Pure; a clock is passed in."""

from __future__ import annotations

import attrs

MAX_CLIENTS = 64
"""Connections to one address, publishing or not."""
MAX_STRANGERS = 32
"""Of those, connections that do not publish yet."""
STRANGER_BYTES = 64 << 10
"""From connecting up to publish: a handshake takes 3 kB, commands a few hundred bytes each."""
STRANGER_CHUNKS = 500
STRANGER_MESSAGE = 32 << 10
MAX_MESSAGE = 8 << 20
"""Of a publisher's: a keyframe of 8K has 2 MB."""
CHUNKS_A_SECOND = 20_000
"""Of a publisher's; each costs time, however small. In pieces of 128 bytes, as librtmp sends, these are 20 Mbit/s."""
_BURST = 2.0
"""Seconds of what may come that may come at once, after a link that stood still."""


@attrs.define(eq=False)
class Purse:
    """So much a second, and what was not used for a while. Begins full."""

    rate: float
    now: float
    _left: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left = self.rate * _BURST

    def spend(self, amount: float, now: float) -> float:
        """Take `amount`; returns the seconds until that much was earned, 0 = it was there."""
        self._left = min(self.rate * _BURST, self._left + (now - self.now) * self.rate) - amount
        self.now = now
        return max(0.0, -self._left / self.rate)

    @property
    def left(self) -> float:
        """What can be spent at once."""
        return max(0.0, self._left)
