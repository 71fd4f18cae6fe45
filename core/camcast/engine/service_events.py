"""A service's queue of events: filled on the engine's loop, read on the service's.

To wake another thread costs both of them more than most events are worth, so a reader that has caught up gathers for a
moment before it asks to be woken: an event after a silence is told at once, a storm of them in a few turns.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from camcast.events import Event

GATHER = 0.1
"""Seconds for which a reader that has just caught up leaves it to the next events to come together."""


class ServiceEvents:
    """Implements `services.EventQueue`. The oldest goes when nobody reads."""

    def __init__(self, capacity: int, *, closed: Callable[[ServiceEvents], object] = lambda queue: None) -> None:
        """On the loop that reads it."""
        if capacity < 1:
            raise ValueError(f"a queue of {capacity} events: expected at least 1")
        self._capacity = capacity
        self._told = closed
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self._ready = asyncio.Event()
        self._wake_at = capacity + 1
        """How many events wake the reader; more than there can be = it need not be woken."""
        self._lost = 0
        self._closed = False
        self._full_since: float | None = None

    @property
    def lost(self) -> int:
        return self._lost

    def unread_for(self) -> float:
        """Seconds for which it has been full and nothing was read; 0 where there is room."""
        since = self._full_since
        return time.monotonic() - since if since is not None else 0.0

    def take(self, event: Event) -> None:
        """One more. From any thread."""
        with self._lock:
            if self._closed:
                return
            if len(self._events) >= self._capacity:
                self._events.popleft()
                self._lost += 1
                self._full_since = self._full_since or time.monotonic()
            self._events.append(event)
            wake = len(self._events) >= self._wake_at
            if wake:
                self._wake_at = self._capacity + 1
        if wake:
            self._wake()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._full_since = None
        self._told(self)
        self._wake()

    def __aiter__(self) -> ServiceEvents:
        return self

    async def __anext__(self) -> Event:
        if not self._events:
            await self._wait(GATHER, (self._capacity + 1) // 2)
        while True:
            with self._lock:
                self._full_since = None
                if self._events:
                    return self._events.popleft()
                if self._closed:
                    raise StopAsyncIteration
            await self._wait(None, 1)

    async def _wait(self, seconds: float | None, events: int) -> None:
        """Until there are so many events, there will be no more, or so many seconds are over."""
        with self._lock:
            self._full_since = None
            self._ready.clear()
            if self._closed or len(self._events) >= events:
                return
            self._wake_at = events
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            return
        finally:
            self._wake_at = self._capacity + 1

    def _wake(self) -> None:
        # Its loop may have ended, and then nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ready.set)
