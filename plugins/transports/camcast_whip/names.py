"""Names that the WHIP thread has looked up: the endpoint's, other hosts of its answers, and of STUN and TURN servers.

All go through the engine's resolver, which has threads of its own, a deadline, and a bound. On the thread's loop they
would share its few threads, and a server that names hosts whose name servers hang would hold up all other sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs

from camcast.contracts import Resolver
from camcast.errors import NetworkError
from camcast.net.host import is_address
from camcast_whip.options import IceServer

CANDIDATES_WITHIN = 2.0
"""Seconds for candidates' names; those that take longer are done without."""

Address = tuple[int, tuple[Any, ...]]


class Names:
    """Implements `contracts.Resolver` on the thread's loop. `addresses` are those of `host`, known already."""

    def __init__(
        self,
        resolver: Resolver,
        loop: asyncio.AbstractEventLoop,
        host: str,
        addresses: Sequence[Address],
        family: str = "both",
    ) -> None:
        """`resolver` is the engine's, on `loop`."""
        self._resolver = resolver
        self._loop = loop
        self._host = host.lower()
        self._addresses = list(addresses)
        self._family = family

    @property
    def first(self) -> str:
        """The endpoint's first address; "" = it has none."""
        return str(self._addresses[0][1][0]) if self._addresses else ""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[Address]:
        if host.lower() == self._host:
            return [(kind, (where[0], port, *where[2:])) for kind, where in self._addresses]
        try:
            future = asyncio.run_coroutine_threadsafe(self._resolver.resolve(host, port, family), self._loop)
        except RuntimeError:
            raise NetworkError("the engine has ended", stage="resolve") from None
        return await asyncio.wrap_future(future)

    async def candidates(self, named: Sequence[str]) -> tuple[str, ...]:
        """ICE candidates with the addresses of the hosts that they name; those that cannot be found are left out."""
        if not named:
            return ()
        looked_up = [asyncio.ensure_future(self._of_candidate(candidate)) for candidate in named]
        await asyncio.wait(looked_up, timeout=CANDIDATES_WITHIN)
        found: list[str] = []
        for task in looked_up:
            if task.done() and not task.cancelled():
                found += task.result()
            task.cancel()
        return tuple(dict.fromkeys(found))

    async def _of_candidate(self, candidate: str) -> list[str]:
        words = candidate.split()
        return [" ".join((*words[:4], address, *words[5:])) for address in await self._of(words[4], int(words[5]))]

    async def servers(self, servers: Sequence[IceServer]) -> tuple[IceServer, ...]:
        """STUN and TURN servers by address. Those over TLS keep their name, which their certificate is for."""
        found: list[IceServer] = []
        for server in servers:
            scheme, _, rest = server.url.partition(":")
            place, mark, more = rest.partition("?")
            host, colon, port = place.partition(":")
            if scheme.endswith("s") or is_address(host):
                found.append(server)
                continue
            # In these URLs an address of version 6 has no place (RFC 7064 §3.1 has, aioice has not).
            addresses = [one for one in await self._of(host, 0) if ":" not in one][:1]
            found += [attrs.evolve(server, url=f"{scheme}:{one}{colon}{port}{mark}{more}") for one in addresses]
        return tuple(found)

    async def _of(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(CANDIDATES_WITHIN):
                return [str(where[0]) for _, where in await self.resolve(host, port, self._family)]
        except (NetworkError, TimeoutError):
            return []
