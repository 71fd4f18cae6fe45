"""The one way from threads to the loop: a bounded deque, woken only when idle.

Waking a loop from a thread costs tens of microseconds, so it is done once for many entries: after the drain that it was
woken for, the loop looks once more after `INTERVAL`, and is idle again when nothing is left then.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from time import perf_counter

from camcast.errors import WrongState

log = logging.getLogger(__name__)

CAPACITY = 8192
INTERVAL = 0.001
SLICE = 0.004
"""Seconds of draining in one turn of the loop."""


class LoopHandover:
    """Implements `contracts.Handover` for one loop. `dropped` counts calls refused because it was full."""

    def __init__(self, loop: asyncio.AbstractEventLoop, capacity: int = CAPACITY) -> None:
        self.dropped = 0
        self._loop = loop
        self._thread = threading.get_ident()
        """The loop's: a handover is made on it."""
        self._capacity = capacity
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._idle = True
        self._closed = False

    def call(self, function: Callable[..., object], *args: object) -> bool:
        with self._lock:
            taken, wake = self._put(function, args)
        return self._wake() if wake else taken

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        with self._room:
            if len(self._calls) >= self._capacity and not self._closed:
                if threading.get_ident() == self._thread:
                    raise WrongState("waiting for the loop on the loop itself would stop it; use `call`")
                self._room.wait_for(lambda: self._closed or len(self._calls) < self._capacity, timeout)
            taken, wake = self._put(function, args)
        return self._wake() if wake else taken

    def close(self) -> None:
        """Take nothing more; those who wait are told no."""
        with self._room:
            self._closed = True
            self._calls.clear()
            self._room.notify_all()

    def _put(self, function: Callable[..., object], args: tuple[object, ...]) -> tuple[bool, bool]:
        """Whether it is taken, and whether the loop must be woken for it. With the lock held."""
        if self._closed or len(self._calls) >= self._capacity:
            self.dropped += 1
            return False, False
        self._calls.append((function, args))
        wake, self._idle = self._idle, False
        return True, wake

    def _wake(self) -> bool:
        """Without the lock: waking is a system call, which gives the interpreter to those who want the lock."""
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # the loop is closed
            with self._lock:
                self.dropped += 1
            self.close()
            return False
        return True

    def _drain(self, woken: bool = True) -> None:
        started = perf_counter()
        calls = self._calls
        while calls and perf_counter() - started < SLICE:
            function, args = calls.popleft()
            try:
                function(*args)
            except Exception:
                log.exception("A call handed over from a thread failed")
        with self._room:
            self._room.notify_all()
            if not woken and not calls:
                self._idle = True
                return
        self._loop.call_later(INTERVAL, self._drain, False)
