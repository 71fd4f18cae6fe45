"""The one way from threads to the loop: a bounded deque, woken only when idle, drained at most every `INTERVAL`.

Waking a loop from a thread costs tens of microseconds, so it is done once for many entries.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter

log = logging.getLogger(__name__)

CAPACITY = 8192
INTERVAL = 0.002
SLICE = 0.004
"""Seconds of draining in one turn of the loop."""


class LoopHandover:
    """Implements `contracts.Handover` for one loop. `dropped` counts calls refused because it was full."""

    def __init__(self, loop: asyncio.AbstractEventLoop, capacity: int = CAPACITY) -> None:
        self.dropped = 0
        self._loop = loop
        self._capacity = capacity
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._idle = True
        self._closed = False

    def call(self, function: Callable[..., object], *args: object) -> bool:
        with self._lock:
            return self._put(function, args)

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        with self._room:
            if not self._room.wait_for(lambda: self._closed or len(self._calls) < self._capacity, timeout):
                self.dropped += 1
                return False
            return self._put(function, args)

    def close(self) -> None:
        """Take nothing more; those who wait are told no."""
        with self._room:
            self._closed = True
            self._calls.clear()
            self._room.notify_all()

    def _put(self, function: Callable[..., object], args: tuple[object, ...]) -> bool:
        if self._closed or len(self._calls) >= self._capacity:
            self.dropped += 1
            return False
        self._calls.append((function, args))
        if self._idle:
            self._idle = False
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop is closed
                self._closed = True
                self._calls.clear()
                return False
        return True

    def _drain(self) -> None:
        started = perf_counter()
        done = 0
        calls = self._calls
        while calls and perf_counter() - started < SLICE:
            function, args = calls.popleft()
            done += 1
            try:
                function(*args)
            except Exception:
                log.exception("A call handed over from a thread failed")
        with self._room:
            if done:
                self._room.notify_all()
            if not done and not calls:
                self._idle = True
                return
        self._loop.call_later(INTERVAL, self._drain)
