"""Pictures on their way to the socket, as packets that go at their pace."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from camcast_whip.counters import Counters
from camcast_whip.pacer import Pacer

LIMIT = 8 << 20
"""Bytes of pictures waiting for their time. The outlet holds back long before; this is the last bound."""
SOCKET_LIMIT = 1 << 20
_SOCKET_WAIT = 0.01
_FRAME = 1 / 30
"""Seconds that a picture lasts where nothing tells."""
_SHORTEST = 4
"""Milliseconds that a picture is shown at least; those of a replay stand closer together, and go at the usual pace."""


class Pictures:
    """`send` takes one packet; `unsent` says how many bytes the socket has not taken yet."""

    def __init__(
        self, send: Callable[[bytes], None], unsent: Callable[[], int], counters: Counters, frame_rate: float
    ) -> None:
        self._send = send
        self._unsent = unsent
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer()
        self._queue: deque[tuple[list[bytes], int]] = deque()
        self._sent_of_first = 0
        self._queued_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._frame = 1 / frame_rate if frame_rate > 0 else _FRAME
        self._last_time: int | None = None

    @property
    def full(self) -> bool:
        return self._queued_bytes > LIMIT

    def add(self, packets: list[bytes], size: int, time: int) -> None:
        """One picture of `size` bytes, of `time` in milliseconds."""
        if self._last_time is not None and _SHORTEST <= time - self._last_time < 1000:
            self._frame = (time - self._last_time) / 1000
        self._last_time = time
        self._queue.append((packets, size))
        self._queued_bytes += size
        self._counters.queued_packets += len(packets)
        if len(self._queue) == 1:
            self._pacer.picture(len(packets), self._frame)
            if self._timer is None:
                self._pump()

    def close(self) -> None:
        """What waits is forgotten."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        self._timer = None
        queue, counters = self._queue, self._counters
        if self._unsent() > SOCKET_LIMIT:
            self._timer = self._loop.call_later(_SOCKET_WAIT, self._pump)
            return
        allowed = self._pacer.allowed(self._loop.time())
        while queue and allowed > 0:
            packets, size = queue[0]
            at = self._sent_of_first
            some = packets[at : at + allowed]
            for one in some:
                self._send(one)
            allowed -= len(some)
            self._pacer.take(len(some))
            counters.queued_packets -= len(some)
            self._sent_of_first = at + len(some)
            if self._sent_of_first == len(packets):
                queue.popleft()
                self._sent_of_first = 0
                self._queued_bytes -= size
                counters.gone += size
                if queue:
                    self._pacer.picture(len(queue[0][0]), self._frame)
        if queue:
            self._timer = self._loop.call_later(self._pacer.wait, self._pump)
