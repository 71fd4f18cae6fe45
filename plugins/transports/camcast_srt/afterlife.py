"""Connections that outlive their attempt, so that the receiver may show what it still holds.

A receiver holds every packet back for its latency, and throws away what it holds when the sender closes. With a
latency of seconds that is longer than an attempt's end may take. So the connection's process stays for as long: until
the time is up, until an attempt of the same name begins, or until the program ends, which waits for it.
"""

from __future__ import annotations

import atexit
import select
import threading
import time as clock

import attrs

from camcast_srt.process import SrtProcess

MOST = 35.0
"""Seconds: the longest latency that can be configured, and some."""
_SLACK = 0.5
"""Seconds that a process may need to end."""
_GRACE = 1.0
"""Seconds more, after which it is ended by force."""


@attrs.frozen(eq=False)
class _Life:
    until: float
    process: SrtProcess


class Afterlives:
    """One for all transports of a plugin host. From any thread."""

    def __init__(self) -> None:
        self._lives: dict[str, _Life] = {}
        self._ending: list[_Life] = []
        """Those that were asked to end before their time."""
        self._lock = threading.Lock()

    def begin(self, name: str, seconds: float, process: SrtProcess) -> float:
        """Something called `name` lives for `seconds` more; it ends when its channel does. Returns the seconds after
        which `end_late` is due."""
        with self._lock:
            now = clock.monotonic()
            self._see_to_ends(now)
            before = self._drop(name)
            if before is not None:
                before.process.let_go()
                self._ending.append(attrs.evolve(before, until=now + _SLACK))
            if not self._lives:
                atexit.register(self._wait)
            lasts = min(seconds, MOST) + _SLACK
            self._lives[name] = _Life(now + lasts, process)
            return lasts + _GRACE

    def take(self, name: str) -> SrtProcess | None:
        """An attempt of that name begins: nothing else may have it. What had it is the caller's to end."""
        with self._lock:
            self._see_to_ends(clock.monotonic())
            found = self._drop(name)
            return None if found is None else found.process

    def end_late(self) -> None:
        """End by force what should have ended by itself."""
        with self._lock:
            self._see_to_ends(clock.monotonic())

    def __len__(self) -> int:
        with self._lock:
            self._see_to_ends(clock.monotonic())
            return len(self._lives)

    def _drop(self, name: str) -> _Life | None:
        found = self._lives.pop(name, None)
        if not self._lives:
            atexit.unregister(self._wait)
        return found

    def _see_to_ends(self, now: float) -> None:
        for name, life in tuple(self._lives.items()):
            if _is_over(life, now):
                self._drop(name)
                life.process.end()
        over = [life for life in self._ending if _is_over(life, now)]
        self._ending = [life for life in self._ending if life not in over]
        for life in over:
            life.process.end()

    def _wait(self) -> None:
        """The program ends: not before them, and no later than their time is up."""
        for name, life in tuple(self._lives.items()):
            _has_ended(life.process, life.until - clock.monotonic())
            with self._lock:
                self._drop(name)
            life.process.end()


def _is_over(life: _Life, now: float) -> bool:
    return now >= life.until + _GRACE or _has_ended(life.process, 0.0)


def _has_ended(process: SrtProcess, wait: float) -> bool:
    """Whether it does so within some seconds."""
    poll = select.poll()
    poll.register(process.channel, select.POLLRDHUP)
    return bool(poll.poll(max(0, int(wait * 1000))))
