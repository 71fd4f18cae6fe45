"""What a client may cost before anybody knows it, and what a publisher or a server may. Pure; a clock is passed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from camcast_kit_ingest.purse import BURST, Purse

if TYPE_CHECKING:
    from camcast_rtmp.chunk import ChunkReader

MAX_CLIENTS = 64
"""Connections to one address, publishing or not."""
MAX_STRANGERS = 32
"""Of those, connections that do not publish yet."""
MAX_STRANGERS_OF_AN_ADDRESS = 16
"""Of those again. A router with many cameras behind it has one, and each is a stranger for less than a second."""
STRANGER_BYTES = 64 << 10
"""From connecting up to publish: a handshake takes 3 kB, commands a few hundred bytes each."""
STRANGER_CHUNKS = 500
STRANGER_MESSAGE = 32 << 10
MAX_MESSAGE = 8 << 20
"""Of a publisher's: a keyframe of 8K has 2 MB."""
CHUNKS_A_SECOND = 20_000
"""Of a publisher's; each costs time, however small. In pieces of 128 bytes, as librtmp sends, these are 20 Mbit/s."""
MESSAGES_A_SECOND = 1_000
"""Likewise. 120 pictures and 100 blocks of sound are 220; more is what a link brings that stood still."""
TURN = 0.02
"""CPU seconds in one turn of the loop for what a peer sends; the rest of what was read waits for the next turn."""
MAX_UNREAD = 64 << 10
"""Bytes of our answers that a peer may leave unread."""


def full(strangers: Sequence[str], newcomer: str, clients: int) -> bool:
    """Whether another one from `newcomer` is too many. `strangers`: where each comes from, as `admission.origin` has
    it; `clients`: those that publish, too."""
    return (
        clients >= MAX_CLIENTS
        or len(strangers) >= MAX_STRANGERS
        or sum(one == newcomer for one in strangers) >= MAX_STRANGERS_OF_AN_ADDRESS
    )


class Allowance:
    """What a peer may send while media comes: read more slowly beyond it, and cut off by its `reader` where one read
    brings far more than that, since what has been read holds the loop."""

    def __init__(self, reader: ChunkReader, max_rate: int, now: float) -> None:
        """`max_rate`: kbit/s; 0 = as fast as it comes. `now`: seconds, as everywhere here."""
        self._reader = reader
        self._bytes = Purse(max_rate * 125.0, now) if max_rate else None
        self._chunks = Purse(CHUNKS_A_SECOND, now)
        self._messages = Purse(MESSAGES_A_SECOND, now)
        self._given = (0, 0)
        self.grant(now)

    def grant(self, now: float) -> None:
        """Before each read: what is left, and a while's worth beyond it that is waited for behind the read."""
        self._chunks.spend(0, now)
        self._messages.spend(0, now)
        chunks = int(self._chunks.left) + CHUNKS_A_SECOND
        messages = int(self._messages.left + BURST * MESSAGES_A_SECOND)
        self._reader.allowed, self._reader.messages_allowed = self._given = chunks, messages

    def spend(self, size: int, now: float) -> float:
        """Behind a read of `size` bytes: the seconds for which nothing is to be read."""
        chunks = self._given[0] - self._reader.allowed
        messages = self._given[1] - self._reader.messages_allowed
        self._given = self._reader.allowed, self._reader.messages_allowed
        waits = [self._chunks.spend(chunks, now), self._messages.spend(messages, now)]
        if self._bytes is not None:
            waits.append(self._bytes.spend(size, now))
        return max(waits)
