"""Attempts on their way out: closed in the background, because a peer that answers no more takes its time.

A name has one publisher: whoever connects to it again waits until the old attempt is gone.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

HEARD = 3.0
"""Seconds in which an attempt that is not wanted is let go. A plugin that ignores being cancelled takes half a one."""


class Leaving(Protocol):
    """What is left of an attempt."""

    @property
    def name(self) -> str | None:
        """What it may still publish; None = not known, so that everybody waits for it."""

    def leave(self, *, clean: bool) -> asyncio.Future[None]:
        """Close; what is returned is done when nothing is left."""


class Parting:
    """Of one session. Bounded: attempts come one after the other, and each closes within its deadline."""

    def __init__(self) -> None:
        self._going: dict[asyncio.Future[None], Leaving] = {}
        self._held: dict[Leaving, asyncio.Future[None]] = {}
        """Those that publish, or are about to; resolved when they are let go."""

    def hold(self, attempt: Leaving) -> None:
        """`attempt` is about to publish. Whoever wants its name from now on waits until it was let go."""
        self._held[attempt] = asyncio.get_running_loop().create_future()

    def let_go(self, attempt: Leaving, *, clean: bool = False) -> None:
        """Close `attempt`, without waiting."""
        going = attempt.leave(clean=clean)
        self._going[going] = attempt
        going.add_done_callback(self._going.pop)
        self.unhold(attempt)

    def unhold(self, attempt: Leaving) -> None:
        """It publishes no more, or never did."""
        if (held := self._held.pop(attempt, None)) is not None:
            held.set_result(None)

    async def free(self, name: str) -> None:
        """Wait until nobody publishes `name` any more. Whoever does, when it is wanted anew, is not wanted: it was told
        so, and is let go as soon as it has heard."""
        while held := [let_go for old, let_go in self._held.items() if old.name == name]:
            done, _ = await asyncio.wait(held, timeout=HEARD)
            if not done:
                break
        await self.gone(name)

    async def gone(self, name: str | None = None) -> None:
        """Wait until nothing is left of those let go; with `name`, of those that may publish it."""
        while tasks := {task for task, old in self._going.items() if name is None or old.name in (name, None)}:
            await asyncio.wait(tasks)
