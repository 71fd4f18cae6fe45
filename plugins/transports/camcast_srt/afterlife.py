"""Connections that outlive their attempt, so that the receiver may show what it still holds.

A receiver holds every packet back for its latency, and throws away what it holds when the sender closes. With a
latency of seconds that is longer than an attempt's end may take. So the connection's process stays for as long: until
the time is up, until an attempt of the same name begins, or until the program ends, which waits for it.
"""

from __future__ import annotations

import atexit
import select
import socket
import threading
import time as clock

MOST = 35.0
"""Seconds: the longest latency that can be configured, and some."""
_SLACK = 0.5
"""Seconds that a process may need to end."""


class Afterlives:
    """One for all transports of a plugin host. From any thread."""

    def __init__(self) -> None:
        self._lives: dict[str, tuple[float, socket.socket]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, seconds: float, channel: socket.socket) -> None:
        """Something called `name` lives for `seconds` more; it ends when `channel` does, or is closed."""
        with self._lock:
            self._forget_ended()
            self._end(name)
            if not self._lives:
                atexit.register(self._wait)
            self._lives[name] = (clock.monotonic() + min(seconds, MOST) + _SLACK, channel)

    def take(self, name: str) -> socket.socket | None:
        """An attempt of that name begins: nothing else may have it. What had it is the caller's to end."""
        with self._lock:
            self._forget_ended()
            return self._drop(name)

    def __len__(self) -> int:
        with self._lock:
            self._forget_ended()
            return len(self._lives)

    def _end(self, name: str) -> None:
        channel = self._drop(name)
        if channel is not None:
            channel.close()

    def _drop(self, name: str) -> socket.socket | None:
        found = self._lives.pop(name, None)
        if not self._lives:
            atexit.unregister(self._wait)
        return None if found is None else found[1]

    def _forget_ended(self) -> None:
        for name in [name for name, (_, channel) in self._lives.items() if _has_ended(channel, 0.0)]:
            self._end(name)

    def _wait(self) -> None:
        """The program ends: not before them, and no later than their time is up."""
        for until, channel in tuple(self._lives.values()):
            _has_ended(channel, until - clock.monotonic())


def _has_ended(channel: socket.socket, wait: float) -> bool:
    """Whether it does so within some seconds."""
    poll = select.poll()
    poll.register(channel, select.POLLRDHUP)
    return bool(poll.poll(max(0, int(wait * 1000))))
