"""Memory that is free goes back to the system, or is there for all threads.

glibc keeps what a thread has freed for that thread, and with large buffers it learns to keep more: each thread that has
decoded a picture holds some five megabytes afterwards [measured].
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from functools import cache

PAUSE = 1.0
"""Seconds for which it is not done again: it takes up to a millisecond, in which others may wait for memory."""

PARTS = 2
"""Of the heap, that threads share in processes of ours."""
_CHOSEN = "MALLOC_ARENA_MAX"
"""By which a user says how many (mallopt(3))."""
_ARENA_MAX = -8
"""glibc's number for it (malloc.h)."""


def share() -> None:
    """For processes of our own only, as early as may be: threads from then on share `PARTS` parts of the heap.

    glibc gives each thread one of its own, up to eight for each processor, and each stays as large as its largest
    moment: beside servers that failed all the time, memory grew by steps for two hours. Does nothing where the user
    has said how many, or with another C library.
    """
    mallopt = _glibc("mallopt")
    if mallopt is not None and _CHOSEN not in os.environ:
        mallopt(_ARENA_MAX, PARTS)


@cache
def _glibc(name: str) -> Callable[..., int] | None:
    """One of its functions; None where there is none, as with another C library."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None
    return found


def _system() -> Callable[[int], int] | None:
    """malloc_trim(3), where there is one."""
    return _glibc("malloc_trim")


class GivingBack:
    """From any thread."""

    def __init__(
        self, system: Callable[[], Callable[[int], int] | None] = _system, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._system = system
        self._now = now
        self._next = 0.0

    def __call__(self) -> None:
        """Give back what is free; call it where something large has just been freed. Does nothing within `PAUSE`, or
        where the system has no way."""
        now, trim = self._now(), self._system()
        if trim is not None and now >= self._next:
            self._next = now + PAUSE
            trim(0)


give_back = GivingBack()
