"""Which of the formats that a camera may send it does send: the likeliest, until packets of another go on. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from .formats import Payload

SURE = 16
"""Packets in a row of another payload type after which the camera has gone over to it."""


class Ways:
    """Of one medium; `ways`: the likeliest first."""

    def __init__(self, ways: Sequence[Payload]) -> None:
        self.now = ways[0]
        """The format that comes."""
        self._by_type = {way.payload_type: way for way in reversed(ways)}
        self._other = (0, 0)
        """Another payload type that comes, and how many packets of it in a row."""

    def __len__(self) -> int:
        return len(self._by_type)

    def __contains__(self, payload_type: int) -> bool:
        """Whether packets of this type are ours."""
        return payload_type in self._by_type

    def other(self, payload_type: int, *, begun: bool) -> Payload | None:
        """A packet of another type than before: the format to take it as from here on, or None.

        `begun`: whether anything was taken before.
        """
        known, count = self._other
        count = count + 1 if known == payload_type else 1
        self._other = (payload_type, count)
        way = self._by_type.get(payload_type)
        # Where nothing in the SDP says what it is and nothing else comes, it must be what the SDP means.
        if count < SURE and (begun or way is None):
            return None
        if way is None and begun:
            return None
        self._other = (0, 0)
        return way or self.now
