"""Where viewers knock: one listening socket, shared by all outputs with its host and port. On the WHIP thread."""

from __future__ import annotations

import asyncio

import attrs

from camcast.errors import BusyError, MisconfiguredError, NetworkError, ServiceError
from camcast_kit_http.listening import listen
from camcast_kit_http.server import Server
from camcast_kit_http.turns import Turns
from camcast_whip.whep.audience import Audience
from camcast_whip.whep.endpoint import Endpoint, Stage
from camcast_whip.whep.options import Address, WhepOptions

CONNECTIONS = 200
"""HTTP connections at once; a viewer needs one for a moment."""
ASKED_AT_ONCE, ASKED_A_SECOND = 200, 20.0
"""Requests from one place, which may be a whole house: a viewer has some ten in his first second, and then none."""
END_WITHIN = 0.8


class Doors:
    """Of one life of the WHIP thread: opened with the first output at an address, closed with the last."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._doors: dict[tuple[str, int], Door] = {}
        self._closing: set[asyncio.Task[object]] = set()

    async def enter(self, address: Address, options: WhepOptions) -> Door:
        """The door at an address; `leave` it. Raises `TransportError`."""
        if self._closing:  # perhaps the one at this address
            await asyncio.wait(self._closing, timeout=END_WITHIN)
        door = self._doors.get((address.host, address.port))
        if door is None or door.serving.done():  # some may not have left yet one that has fallen shut
            door = self._doors[address.host, address.port] = Door.open(address, options)
        elif door.certificate != (options.certificate, options.certificate_key):
            raise MisconfiguredError(
                f"another output at {address.place} has another certificate, or none: outputs of one port share it",
                stage="connect",
            )
        door.users += 1
        return door

    def leave(self, door: Door, address: Address) -> asyncio.Task[object] | None:
        """One output less. With the last the door is shut at once; its connections end with the task."""
        door.users -= 1
        if door.users:
            return None
        if self._doors.get((address.host, address.port)) is door:
            del self._doors[address.host, address.port]
        closing: asyncio.Task[object] = self.loop.create_task(door.shut())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return closing


@attrs.define(eq=False)
class Door:
    """One socket, and what is on the air behind it, by path."""

    certificate: tuple[str, str]
    endpoint: Endpoint
    server: Server
    serving: asyncio.Task[None]
    users: int = 0

    @classmethod
    def open(cls, address: Address, options: WhepOptions) -> Door:
        """Listen. Raises `TransportError`."""
        endpoint = Endpoint(address.scheme)
        certificate, key = options.certificate, options.certificate_key
        try:
            turns = Turns(ASKED_AT_ONCE, ASKED_A_SECOND)
            server = Server(endpoint, connections=CONNECTIONS, certificate=certificate, key=key, turns=turns)
        except OSError as error:  # `ssl.SSLError` is one
            reason = error.strerror or str(error)
            raise MisconfiguredError(f"cannot use the certificate {certificate}: {reason}", stage="tls") from None
        try:
            sock = listen(address.host, address.port)
        except ServiceError as error:
            raise NetworkError(f"cannot wait for viewers: {error}", stage="connect") from None
        serving = asyncio.get_running_loop().create_task(server.run_on(sock), name="camcast-whep-door")
        door = cls((certificate, key), endpoint, server, serving)
        serving.add_done_callback(door._ended)
        return door

    def _ended(self, serving: asyncio.Task[None]) -> None:
        """Tell all behind it, where it has not been shut."""
        if not serving.cancelled():
            reason = type(serving.exception()).__name__ if serving.exception() else "without a reason"
            for stage in list(self.endpoint.stages.values()):
                stage.lost(f"nobody can come any more: the server for viewers has ended ({reason})")

    def expect(self, path: str, stage: Stage) -> None:
        """An output will be on the air there. Raises `BusyError`."""
        if path in self.endpoint.stages:
            raise BusyError(f"another output is watched at {path} of this address already", stage="connect")
        self.endpoint.stages[path] = stage

    def begin(self, path: str, audience: Audience) -> None:
        """It is on the air."""
        self.endpoint.stages[path].audience = audience

    def end(self, path: str) -> None:
        """It is not any more, and will not be."""
        self.endpoint.stages.pop(path, None)

    async def shut(self) -> None:
        """Listen no more, and end what is under way."""
        self.server.close()
        self.serving.cancel()
        await asyncio.wait({self.serving}, timeout=END_WITHIN)
