"""An attempt's name, and the processes that have it: one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from camcast_srt.afterlife import Afterlives
from camcast_srt.link import Link

_ENDS_WITHIN = 0.3
"""Seconds for which the next attempt waits for the last one's end."""
_FORCE_AFTER = 2.0
"""Seconds after which what was asked to end is ended by force."""


class Lease:
    """Taken once, and given back once. `name` is what the attempt publishes."""

    def __init__(self, afterlives: Afterlives, name: str) -> None:
        self.afterlives = afterlives
        self._name = name

    async def take(self) -> None:
        """What an earlier attempt of that name left behind ends first: it may have the same port."""
        before = self.afterlives.take(self._name)
        if before is None:
            return
        loop = asyncio.get_running_loop()
        before.let_go()
        ends = loop.call_later(_FORCE_AFTER, before.end)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN):
                # It says nothing but that it has ended.
                await loop.sock_recv(before.channel, 1)
            ends.cancel()
            before.end()

    def give_back(self, links: Sequence[Link], link: Link | None, lives_on: float) -> None:
        """Close the links, but let this one live on for some seconds where it should."""
        if link is not None and lives_on > 0 and (process := link.live_on(lives_on)) is not None:
            until = self.afterlives.begin(self._name, lives_on, process)
            # A program that ends sees to it itself.
            asyncio.get_running_loop().call_later(until, self.afterlives.end_late)
        for one in links:
            one.close()

    async def closed(self, links: Sequence[Link], timeout: float) -> None:
        """Until their processes have ended, or that takes too long."""
        waits = [asyncio.ensure_future(link.closed.wait()) for link in links if not link.closed.is_set()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=timeout)
            for one in late:
                one.cancel()
