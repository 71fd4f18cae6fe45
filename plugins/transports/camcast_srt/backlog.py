"""What of the transport stream libsrt has not taken yet, and the account of what became of the rest.

`acked` is what was sent without what libsrt still holds and without what it gave up as too late. Bytes given up stay
`pending` until a later one is acknowledged: a peer that stands still is seen to do so although libsrt's buffer empties
by itself.
"""

from __future__ import annotations

import math
import time as clock
from collections import deque

from camcast_srt.link import Link

LIMIT = 8 << 20
"""Bytes kept when libsrt's own buffer is full. The outlet holds back long before; this is the last bound."""
_ASK_EVERY = 0.02
"""Seconds between questions to libsrt about its send buffer."""


class Backlog:
    """Of one link. Positions count bytes of the transport stream."""

    def __init__(self, link: Link, payload_size: int) -> None:
        self._link = link
        self._payload_size = payload_size
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._sent = 0
        self._acked = 0
        self._settled = 0
        self._waiting = 0
        self._asked_at = 0.0
        self.pushed_at = 0.0
        """When libsrt was last offered something, in seconds of the monotonic clock."""

    def __bool__(self) -> bool:
        """Whether libsrt has still to take something."""
        return bool(self._tail)

    @property
    def full(self) -> bool:
        return self._tail_bytes > LIMIT

    @property
    def end(self) -> int:
        """The position behind everything added."""
        return self._sent + self._tail_bytes

    def add(self, stream: bytes) -> None:
        size = self._payload_size
        self._tail.extend(stream[at : at + size] for at in range(0, len(stream), size))
        self._tail_bytes += len(stream)

    def push(self) -> None:
        """Hand over what libsrt takes. Raises `NetworkError`."""
        send, tail = self._link.send, self._tail
        if tail:
            self.pushed_at = clock.monotonic()
        while tail:
            payload = tail[0]
            if not send(payload, len(payload)):
                break
            tail.popleft()
            self._tail_bytes -= len(payload)
            self._sent += len(payload)

    def clear(self) -> None:
        self._tail.clear()
        self._tail_bytes = 0

    def freeze(self) -> None:
        """The link is gone, and libsrt has no more to say of it: the account stays as it is."""
        self._asked_at = math.inf

    # --- the account --------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        self._ask()
        return self.end - self._settled

    @property
    def unsent(self) -> int:
        """What libsrt has not taken, has not sent, or holds for longer than its latency covers."""
        self._ask()
        return self._tail_bytes + self._waiting

    @property
    def acked(self) -> int:
        """Everything up to here has been acknowledged, or given up before something that has been."""
        self._ask()
        return self._settled

    def _ask(self) -> None:
        now = clock.monotonic()
        if now - self._asked_at < _ASK_EVERY:
            return
        self._asked_at = now
        # In this order: what is dropped in between then counts twice against progress, never for it.
        held = self._link.unacknowledged()
        dropped = self._link.dropped()
        acked = self._sent - held - dropped
        if acked > self._acked:
            self._acked, self._settled = acked, self._sent - held
        self._waiting = int(held * self._link.waiting())
