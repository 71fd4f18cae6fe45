"""Lost attempts on their way out: closed in the background, because a peer that answers no more takes its time.

A name has one publisher: whoever connects to it again waits until the old attempt is gone.
"""

from __future__ import annotations

import asyncio

from camcast.session.attempt import Attempt


class Parting:
    """Of one session. Bounded: attempts come one after the other, and each closes within its deadline."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._going: dict[asyncio.Task[None], Attempt] = {}

    def let_go(self, attempt: Attempt, *, clean: bool = False) -> None:
        """Close `attempt`, without waiting."""
        task = asyncio.create_task(attempt.close(clean=clean), name=f"camcast-parting-{self._label}")
        self._going[task] = attempt
        task.add_done_callback(self._going.pop)

    async def gone(self, wanted: Attempt | None = None) -> None:
        """Wait until nothing is left of lost attempts; with `wanted`, of those on its name."""
        while tasks := {
            task
            for task, old in self._going.items()
            if wanted is None or old.target is None or old.publish_name == wanted.publish_name
        }:
            await asyncio.wait(tasks)
