"""Deadlines that a blocked loop does not use up.

A deadline of the loop's clock passes while somebody holds the loop, and what was to be done before it never had its
turn. Here the time is cut into slices, and each costs at least one turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
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
