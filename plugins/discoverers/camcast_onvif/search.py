"""All who may be the camera that a name means, asked side by side: the first that is it tells where its stream is.

Who says so by multicast is asked, one service a host, and the address of the name (`at`) from the beginning. One that
hangs, or pretends to be the camera, keeps nobody else from being asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from camcast.discovery import CameraLogin, SourceAddress
from camcast.errors import SourceError
from camcast.net.host import Address, address_of
from camcast_kit_digest.auth import Way

from . import media, soap
from .at_host import split_host
from .device import Device, first_that_answers
from .discoverer import PATH
from .interfaces import neighbour
from .named import Named
from .probe import answers
from .proof import Trial
from .wsd import Match

log = logging.getLogger("camcast.onvif")

LOOKING = 3.0
"""Seconds in which a camera has to answer a probe."""
ASKING = 3.0
"""Seconds for each answer."""
EACH = 5.5
"""Seconds for all answers of one device; with those for looking, within what the whole may take."""
MAX_CANDIDATES = 16


class Search:
    """One search, on one loop."""

    def __init__(self, named: Named, login: CameraLogin | None, *, insecure: bool = False, trial: Trial) -> None:
        """`trial`: which proofs of the password are tried at each."""
        self.way: Way | None = None
        """The way in which the camera took the password."""
        self.refused = False
        """Whether one of those that were asked did not take it."""
        self._named = named
        self._login = login
        self._insecure = insecure
        self._trial = trial
        self._found: asyncio.Future[SourceAddress] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: dict[str, asyncio.Future[bool]] = {}
        """By service: whether it has said to be the camera, once that is known."""
        self._hosts: set[str] = set()
        """That have said so."""
        self._failures: dict[int, SourceError] = {}
        """By the number of the device, in the order of asking; 0 = of looking itself."""

    async def run(self) -> SourceAddress:
        """Where the stream is now. Raises `SourceError` where none that was asked is the camera."""
        host, port = split_host(self._named.at, 80) if self._named.at else ("", 0)
        try:
            if host:
                self._ask(host, (f"http://{host}{'' if port == 80 else f':{port}'}{PATH}",))
            self._start(self._look(host))
            return await self._found
        finally:
            running = list(self._tasks)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._found.done():
            return
        if not task.cancelled() and (error := task.exception()) is not None:
            self._found.set_exception(error)
        elif not self._tasks:
            self._found.set_exception(self._why())

    async def _look(self, host: str) -> None:
        try:
            async for match in answers(LOOKING, hosts=[host] if host else [], log=log):
                if _says_so(self._named, match):
                    self._claim(match)
        except OSError as error:
            if not host:
                self._failures[0] = SourceError(str(error))
        finally:
            for said in self._said.values():
                if not said.done():
                    said.set_result(False)

    def _claim(self, match: Match) -> None:
        """It says that it is the camera."""
        services = (match.service, *match.others)
        for service in services:
            if (said := self._said.get(service)) is not None:
                if not said.done():
                    said.set_result(True)
                return
        if match.host not in self._hosts and len(self._said) < MAX_CANDIDATES:
            self._hosts.add(match.host)
            self._ask(match.host, services).set_result(True)

    def _ask(self, host: str, services: tuple[str, ...]) -> asyncio.Future[bool]:
        said = self._said[services[0]] = asyncio.get_running_loop().create_future()
        self._start(self._one(len(self._said), host, services, said))
        return said

    async def _one(self, number: int, host: str, services: tuple[str, ...], said: asyncio.Future[bool]) -> None:
        try:
            async with asyncio.timeout(EACH):
                device = await first_that_answers(
                    host, services, self._login, _Addresses(),
                    timeout=ASKING, insecure=self._insecure, trial=self._trial,
                )  # fmt: skip
                try:
                    await _must_be(self._named, device, said)
                    offering, profiles = await media.offers(device)
                    found = await offering.stream(media.choose(profiles, self._named.stream, host, device.secrets))
                finally:
                    self.refused |= device.refused
        except TimeoutError:
            self._failures[number] = SourceError(
                f"the camera at {host} did not tell where its stream is within {EACH:g} s: it answers too slowly"
            )
        except soap.Fault as fault:
            self._failures[number] = SourceError(
                f"the camera at {host} does not tell where its stream is: {fault.reason or 'no reason'}"
            )
        except SourceError as error:
            self._failures[number] = error
        else:
            if not self._found.done():
                self.way = device.way
                # Whoever has the camera's address now must not get its password in clear.
                self._found.set_result(SourceAddress(url=found, options={"login": "digest"}))

    def _why(self) -> SourceError:
        """What to say where none is it; first what may pass, so that a pretender does not end the search for good."""
        if not self._failures:
            return SourceError(
                f"no camera {self._named.shown} answers by ONVIF on the networks of this machine: is it on, in the "
                "same network, and is WS-Discovery switched on in its settings? camcast discover shows who answers; "
                "?at=ADDRESS at the URL's end asks an address beyond a router"
            )
        ordered = [error for _, error in sorted(self._failures.items())]
        ordered.sort(key=lambda error: error.refused)
        texts = dict.fromkeys(map(str, ordered))
        return SourceError("; and ".join(list(texts)[:3]), refused=ordered[0].refused)


def _says_so(named: Named, match: Match) -> bool:
    if named.uuid:
        return match.uuid == named.uuid
    # Many make their UUID of their MAC (RFC 4122 §4.1.6).
    return named.mac in (match.mac, match.uuid.replace("-", "")[-12:], neighbour(match.host))


async def _must_be(named: Named, device: Device, said: asyncio.Future[bool]) -> None:
    """Raises `SourceError` unless the device says of itself what is recorded of the camera.

    `said`: whether it has answered as the camera when everybody was asked, which counts where it says nothing else.
    """
    serial = (await media.information(device)).serial
    if named.serial and serial != named.serial:
        raise _another(named, device, f"its serial number is {serial or 'not told'}, not {named.serial}")
    if named.uuid:
        told = await media.endpoint(device)
        if told != named.uuid and (told or not await asyncio.shield(said)):
            raise _another(named, device, f"it calls itself {told or 'nothing'}")
        return
    macs = await media.hardware_addresses(device)
    if named.mac not in macs and (macs or not await asyncio.shield(said)):
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
