"""An attempt's name, and the processes that have it: one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from camcast_srt.afterlife import Afterlives
from camcast_srt.link import Link

_ENDS_WITHIN = 0.3
"""Seconds."""


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
        with before, contextlib.suppress(OSError, TimeoutError):
            before.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(_ENDS_WITHIN):
                # It says nothing but that it has ended.
                await asyncio.get_running_loop().sock_recv(before, 1)

    def give_back(self, links: Sequence[Link], link: Link | None, lives_on: float) -> None:
        """Close the links, but let this one live on for some seconds where it should."""
        if link is not None and lives_on > 0 and (channel := link.live_on(lives_on)) is not None:
            self.afterlives.begin(self._name, lives_on, channel)
        for one in links:
            one.close()

    async def closed(self, links: Sequence[Link], timeout: float) -> None:
        """Until their processes have ended, or that takes too long."""
        waits = [asyncio.ensure_future(link.closed.wait()) for link in links if not link.closed.is_set()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=timeout)
            for one in late:
                one.cancel()
