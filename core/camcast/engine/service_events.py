"""A service's queue of events: filled on the engine's loop, read on the service's."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from camcast.events import Event


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
            wake = not self._events
            if len(self._events) >= self._capacity:
                self._events.popleft()
                self._lost += 1
                self._full_since = self._full_since or time.monotonic()
            self._events.append(event)
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
        while True:
            with self._lock:
                self._full_since = None
                if self._events:
                    return self._events.popleft()
                if self._closed:
                    raise StopAsyncIteration
                self._ready.clear()
            await self._ready.wait()

    def _wake(self) -> None:
        # Its loop may have ended, and then nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ready.set)
