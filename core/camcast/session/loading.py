"""Kinds import what they need on a thread, before they are used for the first time.

An import takes from a tenth of a second to several where the disk is slow or the machine busy, and on the event loop it
would hold every camera.
"""

from __future__ import annotations

import asyncio

from camcast.kinds import SourceKind, TransportKind
from camcast.patience import quiet
from camcast.session.hook_threads import HookThreads

DEADLINE = 60.0
"""Seconds."""


class Loading:
    """Of one engine. All calls on the loop."""

    def __init__(self, threads: HookThreads) -> None:
        self._threads = threads
        self._loaded: dict[int, SourceKind | TransportKind] = {}
        self._running: dict[int, asyncio.Task[None]] = {}

    async def of(self, kind: SourceKind | TransportKind) -> None:
        """Have `kind` load, unless it has; whoever else wants that meanwhile waits with this one.

        Raises what its `load` raises, and then it is tried again next time; `TimeoutError` after `DEADLINE`, and then
        next time is waited for the same one: an import that hangs takes one thread, and leaves the others to hooks.
        """
        number = id(kind)
        if number in self._loaded:
            return
        running = self._running.get(number)
        if running is None:
            running = self._running[number] = quiet(asyncio.create_task(self._load(kind)))
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(running)

    async def _load(self, kind: SourceKind | TransportKind) -> None:
        try:
            await self._threads.run(kind.load, None)
            self._loaded[id(kind)] = kind
        finally:
            del self._running[id(kind)]
