"""Cameras found by ONVIF: everybody is asked, or addresses one by one; a chosen one tells of its streams."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import attrs

from camcast.discovery import CameraLogin, DiscoveryContext, FoundCamera, FoundStream
from camcast.errors import CamcastError, SourceError
from camcast.net.http import origin

from . import media, soap, xml
from .at_host import split_host
from .device import CLOCK_OFF, Device, clock_words, first_that_answers
from .named import Named, mac_of, uuid_of
from .probe import answers
from .wsd import Match

PATH = "/onvif/device_service"
"""Where every device has its service (ONVIF Core Specification §5.1.1)."""
AT_ONCE = 32
"""Addresses that are tried at a time."""
MAX_FOUND = 1000
DETAILED = 8
"""Profiles whose addresses are asked for."""


class OnvifDiscoverer:
    """Implements `camcast.discovery.Discoverer`."""

    def __init__(self, context: DiscoveryContext) -> None:
        self._context = context

    async def look(self) -> Sequence[FoundCamera]:
        """See `Discoverer.look`."""
        hosts = await self._hosts()
        # By all three: whoever answers first with another's UUID, or at another's address, hides nobody.
        found: dict[tuple[str, str, str], FoundCamera] = {}
        doors = asyncio.create_task(self._knock(hosts))
        try:
            async for match in answers(
                self._context.seconds,
                interfaces=self._context.interfaces,
                hosts=list(dict.fromkeys(host for host, _ in hosts)),
                everybody=self._context.everybody,
                log=self._context.log,
            ):
                if len(found) < MAX_FOUND:
                    found.setdefault((match.uuid, match.host, match.service), _camera(match))
            behind = await doors
        finally:
            doors.cancel()
        seen = {origin(service) for camera in found.values() for service in (camera.service, *camera.other_services)}
        return [*found.values(), *(camera for camera in behind if origin(camera.service) not in seen)]

    async def ask(self, camera: FoundCamera, login: CameraLogin | None) -> FoundCamera:
        """See `Discoverer.ask`."""
        context = self._context
        services = (camera.service, *camera.other_services)
        device = await first_that_answers(camera.host, services, login, context.resolver, timeout=context.timeout)
        notes, silent = [], ""
        try:
            told = await media.information(device)
            uuid = uuid_of(camera.identity) or await media.endpoint(device)
            service, profiles = await media.offers(device)
            # Last: it is what a user may not ask for most often, and by now the password has been taken or refused.
            macs = await media.hardware_addresses(device)
        except soap.Fault as fault:
            raise SourceError(
                f"the camera at {camera.host} does not tell of itself: {fault.reason or 'no reason'}"
            ) from None
        mac = mac_of(camera.mac) or next(iter(macs), "")
        streams = []
        for name, profile in media.named(profiles)[:DETAILED]:
            try:
                address, snapshot = await service.stream(profile), await service.snapshot(profile)
            except soap.Fault as fault:
                silent = silent or fault.reason or "it says no reason"
                name = xml.shown(profile.name, device.secrets)
                notes.append(f"its profile {name} is left out: {fault.reason or 'it says no reason'}")
                continue
            url = address
            if uuid or mac:
                # It may be where multicast does not reach.
                at = "" if context.everybody else urlsplit(device.service).netloc
                url = Named(uuid=uuid, mac="" if uuid else mac, stream=name, serial=told.serial, at=at).url()
            streams.append(
                FoundStream(
                    name=name,
                    url=url,
                    address=address,
                    codec=profile.codec,
                    width=profile.width,
                    height=profile.height,
                    frame_rate=profile.frame_rate,
                    bitrate_kbps=profile.bitrate_kbps,
                    snapshot=snapshot,
                )
            )
        if not streams:
            raise SourceError(f"the camera at {camera.host} tells no address of any stream: {silent}")
        return attrs.evolve(
            camera,
            identity=uuid or mac,
            service=device.service,
            model=" ".join(filter(None, (told.maker, told.model))) or camera.model,
            serial=told.serial,
            firmware=told.firmware,
            mac=mac,
            streams=tuple(streams),
            notes=(*_notes(device, uuid or mac), *notes),
        )

    async def _hosts(self) -> list[tuple[str, int]]:
        """Addresses and ports to ask by themselves. Raises `CamcastError` for a name that is not known."""
        found = []
        for address in self._context.addresses:
            try:
                host, port = split_host(address, 80)
            except ValueError as error:
                raise SourceError(f"{address}: {error}") from None
            _, place = (await self._context.resolver.resolve(host, port, "ipv4"))[0]
            found.append((place[0], port))
        return found

    async def _knock(self, hosts: Sequence[tuple[str, int]]) -> list[FoundCamera]:
        """Those of `hosts` behind whose door somebody speaks ONVIF: many cameras answer no probe."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(host: str, port: int) -> FoundCamera | None:
            service = f"http://{host}{'' if port == 80 else f':{port}'}{PATH}"
            device = Device(host, service, None, self._context.resolver, timeout=self._context.timeout)
            async with free:
                try:
                    there = await device.read_clock()
                except CamcastError as error:
                    self._context.log.debug("%s", error)
                    return None
            if not there:
                self._context.log.debug("%s answers, and not by ONVIF", service)
                return None
            return FoundCamera(identity="", host=host, service=service)

        found = await asyncio.gather(*(one(host, port) for host, port in hosts))
        return [camera for camera in found if camera is not None]


def _camera(match: Match) -> FoundCamera:
    return FoundCamera(
        identity=match.uuid,
        host=match.host,
        service=match.service,
        other_services=match.others,
        name=match.name,
        model=match.model,
        mac=match.mac,
    )


def _notes(device: Device, identity: str) -> list[str]:
    notes = []
    if device.skew is not None and abs(device.skew) > CLOCK_OFF:
        notes.append(f"{clock_words(device.skew)}: set it, by NTP for good")
    if not identity:
        notes.append("it tells neither a UUID nor a MAC, so it is not found again when its address changes")
    return notes
