"""A camera that is named by what it is, found again: `camcast_resolve_source`. Blocks, on a thread of its own.

Everybody is asked by multicast. Who says that it is the camera is asked over HTTP who it is, with the password proved
by digest, and must answer with the identity that is recorded; then the address of the stream is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any, TypeVar

from camcast.discovery import CameraLogin, SourceAddress
from camcast.errors import SourceError
from camcast.net.host import Address, address_of

from . import media, soap
from .at_host import split_host
from .device import Device
from .discoverer import PATH
from .interfaces import neighbour
from .named import Named, parse_named
from .probe import answers
from .wsd import Match

T = TypeVar("T")
log = logging.getLogger("camcast.onvif")

DEADLINE = 9.0
"""Seconds in all, a little less than the core waits."""
LOOKING = 3.0
"""Seconds in which a camera has to answer a probe."""
ASKING = 3.0
"""Seconds for each answer."""


def find_again(url: str, options: Mapping[str, Any]) -> SourceAddress:
    """Where the camera's stream is now. Raises `SourceError`."""
    try:
        named = parse_named(url)
    except ValueError as error:
        raise SourceError(str(error), fatal=True) from None
    return _blocking(_find(named, _login(options), insecure=options.get("insecure") is True))


def _login(options: Mapping[str, Any]) -> CameraLogin | None:
    username, password = options.get("username"), options.get("password")
    if not isinstance(username, str):
        return None
    return CameraLogin(username=username, password=password if isinstance(password, str) else "")


def _blocking(work: Coroutine[Any, Any, T]) -> T:
    """Its result, on a loop of its own that ends with it."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(work, DEADLINE))
    except TimeoutError:
        raise SourceError(f"the camera was not found within {DEADLINE:g} s: it answers too slowly") from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _find(named: Named, login: CameraLogin | None, *, insecure: bool) -> SourceAddress:
    why: SourceError | None = None
    tried: set[str] = set()
    async with contextlib.aclosing(_candidates(named)) as candidates:
        async for host, service, sure in candidates:
            if service in tried:
                continue
            tried.add(service)
            device = Device(host, service, login, _Addresses(), timeout=ASKING, insecure=insecure)
            try:
                await device.read_clock()
                await _must_be(named, device, sure)
                offering, profiles = await media.offers(device)
                found = await offering.stream(media.choose(profiles, named.stream, host))
            except soap.Fault as fault:
                why = SourceError(
                    f"the camera at {host} does not tell where its stream is: {fault.reason or 'no reason'}"
                )
            except SourceError as error:
                why = error
            else:
                # Whoever has the camera's address now must not get its password in clear.
                return SourceAddress(url=found, options={"login": "digest"})
    raise why or SourceError(
        f"no camera {named.shown} answers by ONVIF on the networks of this machine: is it on, in the same network, "
        "and is WS-Discovery switched on in its settings? camcast discover shows who answers; ?at=ADDRESS at the URL's "
        "end asks an address beyond a router"
    )


async def _candidates(named: Named) -> AsyncGenerator[tuple[str, str, bool], None]:
    """(host, URL of its service, whether it has said to be the camera) of those it may be."""
    host, port = split_host(named.at, 80) if named.at else ("", 0)
    try:
        async for match in answers(LOOKING, hosts=[host] if host else [], log=log):
            if _says_so(named, match):
                yield match.host, match.service, True
    except OSError as error:
        if not host:
            raise SourceError(str(error)) from None
    if host:
        yield host, f"http://{host}{'' if port == 80 else f':{port}'}{PATH}", False


def _says_so(named: Named, match: Match) -> bool:
    if named.uuid:
        return match.uuid == named.uuid
    # Many make their UUID of their MAC (RFC 4122 §4.1.6).
    return named.mac in (match.mac, match.uuid.replace("-", "")[-12:], neighbour(match.host))


async def _must_be(named: Named, device: Device, sure: bool) -> None:
    """Raises `SourceError` unless the device says of itself what is recorded of the camera."""
    serial = (await media.information(device)).serial
    if named.serial and serial != named.serial:
        raise _another(named, device, f"its serial number is {serial or 'not told'}, not {named.serial}")
    if named.uuid:
        told = await media.endpoint(device)
        if told != named.uuid and (told or not sure):
            raise _another(named, device, f"it calls itself {told or 'nothing'}")
        return
    macs = await media.hardware_addresses(device)
    if named.mac not in macs and (macs or not sure):
        raise _another(named, device, f"its network interfaces are {', '.join(macs) or 'not told'}")


def _another(named: Named, device: Device, why: str) -> SourceError:
    return SourceError(
        f"the device at {device.host} is not the camera {named.shown} that is recorded: {why}; where the camera was "
        "replaced, take its new URL from camcast discover",
        refused=True,
    )


class _Addresses:
    """Implements `contracts.Resolver` for addresses, which is all that there is here."""

    async def resolve(self, host: str, port: int, family: str = "both") -> list[Address]:
        found = address_of(host, port)
        if found is None:
            raise SourceError(f"{host} is no address")
        return [found]
