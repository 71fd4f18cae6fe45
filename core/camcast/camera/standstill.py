"""A source that runs and brings nothing: noticed after a while, and where it hangs.

Time counts in looks, and a look that comes late counts as one: while the process stood still or the loop was held, no
source could have brought anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import CoroutineType, FrameType
from typing import Any

from camcast.contracts import Source
from camcast.hosting.culprit import culprit_of, frames
from camcast.hosting.plugin import Plugin
from camcast.threaded import ThreadedSource

LOOKS = 6
"""Looks within the time after which a source is said to stand still."""


class Standstill:
    """Calls `noticed` once when `newest()` has been the same for `seconds`. On the loop, until `stop`."""

    def __init__(self, newest: Callable[[], float], seconds: float, noticed: Callable[[], object]) -> None:
        self._newest = newest
        self._seen = newest()
        self._step = seconds / LOOKS
        self._noticed = noticed
        self._quiet = 0
        self._arm()

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._step, self._look)

    def _look(self) -> None:
        newest = self._newest()
        self._quiet = self._quiet + 1 if newest == self._seen else 0
        self._seen = newest
        if self._quiet < LOOKS:
            self._arm()
        else:
            self._noticed()


def whereabouts(source: Source, work: object, plugins: Sequence[Plugin]) -> str:
    """Where `source` is at present: in its thread, where it has one of the usual kind, else in its coroutine `work`."""
    thread = source.frame if isinstance(source, ThreadedSource) else None
    stack = frames(thread) if thread is not None else _suspended(work)
    return culprit_of(stack, plugins)[1]


def _suspended(work: Any) -> list[FrameType]:
    """The frames of a coroutine and of what it awaits, innermost first."""
    found: list[FrameType] = []
    while isinstance(work, CoroutineType) and work.cr_frame is not None:
        found.insert(0, work.cr_frame)
        work = work.cr_await
    return found
