"""Plugins look at where an attempt is to go on a thread: what they look at may lie on a mount whose server is gone, and
on the event loop that would hold every camera.
"""

from __future__ import annotations

import asyncio

import attrs

from camcast.kinds import TransportKind
from camcast.patience import quiet
from camcast.session.hook_threads import HookThreads
from camcast.target import Target

DEADLINE = 10.0
"""Seconds."""

_Key = tuple[int, str]


@attrs.define(eq=False)
class Checking:
    """Of one engine. All calls on the loop. Its threads are its own: checks that hang must not keep secrets waiting."""

    _threads: HookThreads = attrs.field(factory=HookThreads)
    _running: dict[_Key, tuple[Target, asyncio.Task[None]]] = attrs.field(factory=dict, init=False)
    """By kind and URL."""

    async def of(self, kind: TransportKind, target: Target) -> None:
        """Have `kind` check `target`. Raises what that raises, and `TimeoutError` after `DEADLINE`.

        One that hangs is waited for again next time: however often a target is tried, it takes one thread.
        """
        key = id(kind), target.url
        known = self._running.get(key)
        if known is None or known[0] != target:
            known = target, quiet(asyncio.create_task(self._check(key, kind, target)))
            self._running[key] = known
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(known[1])

    async def _check(self, key: _Key, kind: TransportKind, target: Target) -> None:
        try:
            await self._threads.run(lambda: kind.check(target), None)
        finally:
            if self._running[key][1] is asyncio.current_task():
                del self._running[key]
