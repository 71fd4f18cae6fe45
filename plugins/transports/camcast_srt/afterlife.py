"""Connections that outlive their attempt, so that the receiver may show what it still holds.

A receiver holds every packet back for its latency, and throws away what it holds when the sender closes. With a
latency of seconds that is longer than an attempt's end may take. So the socket stays open for as long, on the I/O
thread: until the time is up, until an attempt of the same name begins, or until the program ends, which waits for it.
"""

from __future__ import annotations

import atexit
import threading
import time as clock
from collections.abc import Callable

_LEAVES_WITHIN = 2.0
MOST = 35.0
"""Seconds: the longest latency that can be configured, and some."""


class Afterlives:
    """One for all transports of a plugin host. From any thread."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[float, Callable[[], None]]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, name: str, seconds: float, end: Callable[[], None], thread: threading.Thread | None = None) -> None:
        """Something called `name` lives for `seconds` more; `end` ends it at once. It says itself when it is `over`.

        `thread` is the one that it lives on, which may be the last to use the library.
        """
        self.end(name)
        with self._changed:
            if not self._ends:
                atexit.register(self._wait)
            self._thread = thread
            self._ends[name] = (clock.monotonic() + min(seconds, MOST), end)

    def end(self, name: str) -> None:
        """An attempt of that name begins: nothing else may have it."""
        with self._changed:
            found = self._ends.get(name)
        if found is not None:
            found[1]()

    def over(self, name: str) -> None:
        """It has ended."""
        with self._changed:
            self._ends.pop(name, None)
            if not self._ends:
                atexit.unregister(self._wait)
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._ends)

    def _wait(self) -> None:
        """The program ends: not before them, and no later than they do."""
        with self._changed:
            until = max((until for until, _ in self._ends.values()), default=0.0)
            while self._ends and (left := until - clock.monotonic()) > 0:
                self._changed.wait(left)
        if self._thread is not None:
            # The library takes itself apart when the program ends, and nobody may be in it then.
            self._thread.join(_LEAVES_WITHIN)
