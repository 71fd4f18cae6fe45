"""How an attempt comes to its connection: the addresses of the name, one after the other, within one deadline."""

from __future__ import annotations

import asyncio
import ipaddress
import time as clock
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from camcast.contracts import Resolver
from camcast.errors import NetworkError, TransportError
from camcast.target import Target
from camcast_srt import address as addresses
from camcast_srt.address import Address
from camcast_srt.options import SrtSettings


class Opened(Protocol):
    """What tells whoever owns it how it went."""

    def open(self, target: Address, local: Address | None, timeout: float) -> None: ...

    def close(self) -> None: ...


L = TypeVar("L", bound=Opened)


class Opening(Generic[L]):
    """Used once. Whoever owns the links passes on what they tell while this is under way."""

    def __init__(self, target: Target, settings: SrtSettings, resolver: Resolver, make: Callable[[], L]) -> None:
        """`make`: a new one of what is opened."""
        self._target = target
        self._settings = settings
        self._resolver = resolver
        self._make = make
        self.links: list[L] = []
        """All that were made, for the caller to see to their end."""
        self._up: asyncio.Future[L] | None = None
        self._stopped = False

    async def run(self) -> L:
        """The link that is up. Raises `TransportError`."""
        deadline = clock.monotonic() + self._target.connect_timeout
        places = await self._places(deadline)
        error: TransportError | None = None
        for index, place in enumerate(places):
            if self._stopped:
                raise NetworkError("closed while connecting", stage="connect")
            left = deadline - clock.monotonic()
            if left <= 0:
                break
            try:
                return await self._open(place, left / (len(places) - index))
            except NetworkError as caught:
                error = caught
        raise error or NetworkError(f"{self._target.shown}: no answer in time", stage="connect")

    def stop(self) -> None:
        """Nothing more is opened."""
        self._stopped = True
        self._fail(NetworkError("closed while connecting", stage="connect"))

    # --- what the links tell ------------------------------------------------------------------------------

    def opened(self, link: L) -> None:
        if self._up is not None and not self._up.done():
            self._up.set_result(link)

    def failed(self, error: TransportError) -> None:
        self._fail(error)

    def broken(self, why: str) -> None:
        self._fail(NetworkError(f"{self._target.shown}: closed at once: {why}", stage="connect"))

    def _fail(self, error: TransportError) -> None:
        if self._up is not None and not self._up.done():
            self._up.set_exception(error)

    # --- one address --------------------------------------------------------------------------------------

    async def _places(self, deadline: float) -> list[Address]:
        settings = self._settings
        if settings.mode == "listener" and not settings.host:
            return [addresses.literal("::1" if self._target.ip_family == "ipv6" else "127.0.0.1", settings.port)]
        try:
            async with asyncio.timeout(max(0.0, deadline - clock.monotonic())):
                found = await self._resolver.resolve(settings.host, settings.port, self._target.ip_family)
        except TimeoutError:
            raise NetworkError(f"{self._target.shown}: the name was not resolved in time", stage="resolve") from None
        if not found:
            raise NetworkError(f"{self._target.shown}: the name has no address", stage="resolve")
        # A listener binds to one address; a caller tries them all.
        return found[:1] if settings.mode == "listener" else found

    async def _open(self, place: Address, timeout: float) -> L:
        link = self._make()
        self.links.append(link)
        local = self._local(place)
        self._up = asyncio.get_running_loop().create_future()
        try:
            link.open(place, local, timeout)
            async with asyncio.timeout(timeout):
                return await self._up
        except BaseException as error:
            link.close()
            if isinstance(error, TimeoutError):
                what = "nobody called" if self._settings.mode == "listener" else "no answer"
                raise NetworkError(f"{self._target.shown}: {what} within {timeout:.1f} s", stage="connect") from None
            raise
        finally:
            self._up = None

    def _local(self, place: Address) -> Address | None:
        if not self._target.bind or self._settings.mode == "listener":
            return None
        port = self._settings.port if self._settings.mode == "rendezvous" else 0
        local = addresses.literal(self._target.bind, port)
        if local[0] != place[0]:
            version = ipaddress.ip_address(self._target.bind).version
            raise NetworkError(f"{self._target.shown}: no IPv{version} address to reach from `bind`", stage="connect")
        return local
