"""Ends a rule whose event loop stands still for good: a plugin that never awaits would hold up the whole test run."""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
import time
from typing import Self

from camcast.hosting.culprit import frames
from camcast.testing.conformance.watch import OURS

HELD = 10.0
"""Seconds."""
_LOOK_EVERY = 0.1


class LoopHeld(BaseException):
    """Raised in the loop's thread, in the middle of whatever holds it; no `except Exception` swallows it."""


class LoopGuard:
    """`with LoopGuard() as guard: …` on the loop. `guard.place` says what held it; "" = nothing did.

    Code that waits within a C function is reached only when that returns.
    """

    def __init__(self, limit: float = HELD) -> None:
        self.place = ""
        self._limit = limit
        self._thread = threading.get_ident()
        self._ended = threading.Event()
        self._beat_at = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._beat()
        threading.Thread(target=self._watch, name=f"{OURS}guard", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._beat)

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            if time.monotonic() - self._beat_at > self._limit:
                self._beat_at = time.monotonic()
                self.place = _place(self._thread)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(LoopHeld))


def _place(thread: int) -> str:
    """Where a thread is: "file.py:12 in name"."""
    stack = frames(sys._current_frames().get(thread))
    if not stack:
        return "an unknown place"
    code = stack[0].f_code
    return f"{code.co_filename.rpartition('/')[2]}:{stack[0].f_lineno} in {code.co_name}"
