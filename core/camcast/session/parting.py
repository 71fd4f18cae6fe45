"""Attempts on their way out: closed in the background, because a peer that answers no more takes its time.

A name has one publisher: whoever connects to it again waits until the old attempt is gone.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Leaving(Protocol):
    """What is left of an attempt."""

    @property
    def name(self) -> str | None:
        """What it may still publish; None = not known, so that everybody waits for it."""

    async def close(self, *, clean: bool) -> None: ...


class Parting:
    """Of one session. Bounded: attempts come one after the other, and each closes within its deadline."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._going: dict[asyncio.Task[None], Leaving] = {}

    def let_go(self, attempt: Leaving, *, clean: bool = False) -> None:
        """Close `attempt`, without waiting."""
        task = asyncio.create_task(attempt.close(clean=clean), name=f"camcast-parting-{self._label}")
        self._going[task] = attempt
        task.add_done_callback(self._going.pop)

    async def gone(self, name: str | None = None) -> None:
        """Wait until nothing is left of those let go; with `name`, of those that may publish it."""
        while tasks := {task for task, old in self._going.items() if name is None or old.name in (name, None)}:
            await asyncio.wait(tasks)
