"""What of the transport stream libsrt has not taken yet, and the account of what became of the rest.

`acked` is what was sent without what libsrt still holds and without what it gave up as too late. Bytes given up stay
`pending` until the peer answers again: one that stands still is seen to do so although libsrt's buffer empties by
itself. Over a queue of more than a second libsrt gives up everything before its acknowledgement comes, which then moves
nothing but the count of answers. Where much is lost, a receiver may have nothing to acknowledge for seconds, and say
what it lacks all the time: an answer as well. One that moves nothing counts as a byte, so that it is seen.
"""

from __future__ import annotations

import math
import time as clock
from collections import deque

from camcast_srt.link import Link
from camcast_srt.pace import Turns

LIMIT = 8 << 20
"""Bytes kept when libsrt's own buffer is full. The outlet holds back long before; this is the last bound."""
OPENING = 2.0
"""Seconds from the first payload on in which no more is under way than a window and as much as was acknowledged: what a
new connection begins with comes all at once, and libsrt would send it so, into queues that do not hold it. When they do
not hold this either, nothing is acknowledged for a while, and what waits would only become more."""
WINDOW = 64 << 10
"""Bytes of that window, at least."""
PICTURES = 20
"""Or so many, of the size that they have on average. As many come within a second anyway; and what waits meanwhile is
ever more, which then has to go as well, on a link with hardly more room than the stream."""
GROUP = 32
"""Payloads in one hand-over: 42 kB, of which the channel to libsrt's process holds a few."""
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
        self._answers = 0
        self._waiting = 0
        self._asked_at = 0.0
        self.pushed_at = 0.0
        """When libsrt was last offered something, in seconds of the monotonic clock."""
        self.limit: float | None = None
        """bytes/s at which libsrt is handed media; None = as it takes it."""
        self.waited = False
        """Whether something has waited for its turn since this was last set to False."""
        self._turns = Turns()
        self._drawn = 0
        """Bytes of the allowance that the present hand-over has taken."""
        self._opened_at: float | None = None
        self._window = WINDOW
        self._pictures = self._picture_bytes = 0

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
        if len(stream) > size:
            self._pictures += 1
            self._picture_bytes += len(stream)
            self._window = max(WINDOW, PICTURES * self._picture_bytes // self._pictures)
        self._tail.extend(stream[at : at + size] for at in range(0, len(stream), size))
        self._tail_bytes += len(stream)

    def push(self) -> None:
        """Hand over what is taken."""
        tail = self._tail
        if tail:
            self.pushed_at = clock.monotonic()
        while tail:
            together = self._together()
            if not together:
                break
            if not self._link.send(together):
                self._turns.give_back(self._drawn)
                break
            for payload in together:
                tail.popleft()
                self._tail_bytes -= len(payload)
                self._sent += len(payload)

    def _together(self) -> list[bytes]:
        """What may go now, in one hand-over: up to the end of a unit, as only the last payload may be a short one."""
        found: list[bytes] = []
        size = self._drawn = 0
        for payload in self._tail:
            if len(found) == GROUP or not self._may_go(len(payload), size):
                break
            found.append(payload)
            size += len(payload)
            if len(payload) < self._payload_size:
                break
        return found

    @property
    def paced(self) -> bool:
        """Whether what waits has to be pushed again soon, although libsrt would take it."""
        return bool(self._tail) and (self.limit is not None or self._opening())

    def _may_go(self, size: int, before: int) -> bool:
        """`size` bytes more, after so many that go with them."""
        if self._opening():
            self._ask()
            if not self._link.lost():
                return self._sent + before - self._settled <= self._window + self._settled
        if self.limit is None:
            return True
        if self._turns.take(size, self.limit, self.pushed_at):
            self._drawn += size
            return True
        self.waited = True
        return False

    def _opening(self) -> bool:
        if self._opened_at is None:
            self._opened_at = self.pushed_at
        return self.pushed_at < self._opened_at + OPENING

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
        answers = self._link.answers()
        answered = answers > self._answers
        if acked > self._acked or answered:
            least = min(self._settled + answered, self._sent)
            self._acked, self._settled = max(self._acked, acked), max(least, self._sent - held)
        self._answers = answers
        self._waiting = int(held * self._link.waiting())
