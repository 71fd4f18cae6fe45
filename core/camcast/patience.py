"""Deadlines that a blocked loop does not use up.

A deadline of the loop's clock passes while somebody holds the loop, and what was to be done before it never had its
turn. Here the time is cut into slices, and each costs at least one turn of the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

SLICES = 20
F = TypeVar("F", bound="asyncio.Future[Any]")


def quiet(task: F) -> F:
    """The same task, which tells nobody when it fails after those who waited for it have gone.

    For every task that is waited for from outside (`asyncio.wait`): whoever waits may be cancelled in the very turn in
    which it fails, and asyncio would print its exception, with a trace, once it is collected.
    """
    task.add_done_callback(_look)
    return task


def _look(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


class PatientTimer:
    """Calls `late` once, after `seconds` in which the loop ran, unless it is cancelled before."""

    __slots__ = ("_handle", "_late", "_left", "_loop", "_slice")

    def __init__(self, seconds: float, late: Callable[[], object], slices: int = SLICES) -> None:
        self._loop = asyncio.get_running_loop()
        self._late = late
        self._left = slices
        self._slice = seconds / slices
        self._handle = self._loop.call_later(self._slice, self._tick)

    def cancel(self) -> None:
        """`late` is not called any more, nor held on to."""
        self._handle.cancel()
        self._late = _nothing

    def _tick(self) -> None:
        self._left -= 1
        if self._left:
            self._handle = self._loop.call_later(self._slice, self._tick)
        else:
            self._late()


def _nothing() -> None: ...


async def set_or_due(event: asyncio.Event, when: float) -> None:
    """Wait until `event` is set, which is done here at `when` by `time.monotonic()`."""
    timer = asyncio.get_running_loop().call_later(max(when - time.monotonic(), 0.0), event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


async def wait_patiently(
    tasks: Iterable[asyncio.Future[Any]], seconds: float, slices: int = SLICES
) -> set[asyncio.Future[Any]]:
    """Wait for all of `tasks`, for `seconds` in which the loop runs; returns those that are not done then."""
    pending = {task for task in tasks if not task.done()}
    for _ in range(slices):
        if not pending:
            break
        _, pending = await asyncio.wait(pending, timeout=seconds / slices)
    return pending


async def ended(tasks: Iterable[asyncio.Future[Any]], seconds: float) -> set[asyncio.Future[Any]]:
    """Cancel all of `tasks`, and after half of `seconds` again and again; returns those that have not ended then.

    Once is not enough: libraries pass over a cancellation (nats-py's flush does), and so does `asyncio.wait_for` up to
    Python 3.11 where what it waits for is done in the same turn. Such a task goes on, and whoever waits for it waits
    for ever. What they raise is theirs to look at: it is not printed.
    """
    pending = {quiet(task) for task in tasks if not task.done()}
    # Those that end in order are not disturbed in it.
    for patience in (seconds / 2, *[seconds / 2 / SLICES] * SLICES):
        if not pending:
            break
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=patience)
    return pending
