"""Names of hosts that cannot be looked up: looked up again for all who want them, so that nobody need wait for long.

A session that finds no address waits for up to a minute, or for minutes once it has given up; one question tells that a
name server is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from urllib.parse import urlsplit

from camcast.contracts import Resolver
from camcast.errors import NetworkError
from camcast.session.hosts import Hosts

log = logging.getLogger(__name__)

LOOK = 10.0
"""Seconds between two look-ups of a name."""
MOST = 256
"""Names that are watched; more are left to their sessions' own attempts."""


class LostNames:
    """Of one engine. All calls on the loop."""

    def __init__(self, resolver: Resolver, hosts: Hosts) -> None:
        """`hosts` is told of each that has addresses again, and tells those who wait for it."""
        self._resolver = resolver
        self._hosts = hosts
        self._lost: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def lost(self, host: str) -> None:
        """`host`, as in a URL and with its port, could not be looked up."""
        if host and len(self._lost) < MOST:
            self._lost.add(host)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._watch(), name="camcast-lost-names")

    def close(self) -> None:
        """Watch no more."""
        self._lost.clear()
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while self._lost:
            await asyncio.sleep(LOOK)
            await asyncio.gather(*(self._look(host) for host in tuple(self._lost)))

    async def _look(self, host: str) -> None:
        place = urlsplit(f"//{host}")
        with contextlib.suppress(NetworkError, ValueError):
            await self._resolver.resolve(place.hostname or "", place.port or 0)
            self._lost.discard(host)
            log.info("%s can be looked up again", place.hostname)
            self._hosts.reached(host)
