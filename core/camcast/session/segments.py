"""Who is told of a recording's complete files: the hook `camcast_segment`, on a thread of its own.

A hook may take its time with a file (copy it, index it). Files are told one after another; what hangs holds up those
behind it and nothing else, and beyond `MOST` that wait no more are told, which is an error in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from threading import Lock
from time import monotonic

from camcast.daemons import Daemons
from camcast.events import SegmentFinished
from camcast.host import PluginHost

log = logging.getLogger(__name__)

HOOK = "camcast_segment"
MOST = 1000


class SegmentHooks:
    """Of one engine. From any thread."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._threads = Daemons("camcast-segment")
        self._waiting: deque[SegmentFinished] = deque()
        self._lock = Lock()
        self._busy = False

    def tell(self, event: SegmentFinished) -> None:
        """Have it told soon; never waits."""
        if not self._host.listens(HOOK):
            return
        with self._lock:
            if len(self._waiting) >= MOST:
                log.error("%s is too slow: %d files wait to be told, %s is not told", HOOK, MOST, event.shown)
                return
            self._waiting.append(event)
            begin, self._busy = not self._busy, True
        if begin:
            self._threads.run(self._work)

    async def settle(self, seconds: float) -> None:
        """Until all have been told, for `seconds` at most."""
        until = monotonic() + seconds
        # Looked at: a thread would have to wake a loop that may be closed by then.
        while self._busy and monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy = False
                    return
                event = self._waiting.popleft()
            self._host.notify(HOOK, segment=event)
