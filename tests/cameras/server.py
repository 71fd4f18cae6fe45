"""Plays scripts over real sockets: one small server, many cameras."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import attrs

from tests.cameras.script import Asked, Conversation, Script, requests
from tests.servers.connections import Connections

WAIT = 4.0
"""Seconds that it waits for a viewer at most, or a second less than its `no_data_timeout` where that is longer: after
that a camera counts as gone."""
LATE = 0.1
"""Seconds behind its time after which a camera sends the rest later, where a burst would be lost (UDP)."""
GOES_ON = 0.5
"""Seconds by which it is later all in all, after which its clock has gone on meanwhile: else it would run at a fraction
of real time on a machine that has much to do, and would rightly be taken for wrong."""


@attrs.define
class Log:
    """What a camera was asked, and how often somebody connected."""

    asked: list[Asked] = attrs.field(factory=list)
    """All requests of all connections."""
    connections: int = 0
    late: float = 0.0
    """Seconds that a packet was sent behind its time, at the most: what the machine did to the camera, and to the
    engine, which runs on the same loop."""
    stood: float = 0.0
    """Seconds by which its clock has gone on while it sent nothing, as the machine held it up (UDP)."""

    def methods(self, connection: int | None = None) -> list[str]:
        return [one.method for one in self.asked if connection in (None, one.connection)]


class Camera(Connections):
    """One scripted camera, listening while entered."""

    def __init__(
        self,
        script: Script,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        viewed: asyncio.Event | None = None,
    ) -> None:
        """`viewed`: set when somebody sees the picture; after its beginning the camera waits for that, by its clock
        too, so that nothing is missed where a machine has much to do."""
        super().__init__(host, tls)
        self.script = script
        self._viewed = viewed
        self.log = Log()

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"rtsp{'s' if self._tls else ''}://{self.script.login}{host}:{self.port}{self.script.path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Conversation(self.script, self.log.connections)
        loop = asyncio.get_running_loop()
        self.log.connections += 1
        playing: asyncio.Task[None] | None = None
        data = b""
        try:
            while piece := await reader.read(65536):
                data += piece
                for asked, used in requests(data):
                    data = data[used:]
                    if asked is None:
                        continue
                    self.log.asked.append(asked)
                    if asked.method in self.script.signs or asked.method == "PLAY":
                        talk.last_sign = loop.time()
                    reply = talk.answer(asked) if asked.method != "answer" else None
                    if reply is None:
                        continue
                    await asyncio.sleep(reply.delay)
                    writer.write(reply.encode())
                    await writer.drain()
                    if reply.close:
                        return
                    if asked.method == "PLAY" and reply.status == 200 and playing is None:
                        playing = asyncio.create_task(self._play(talk, writer))
        except (ConnectionError, asyncio.CancelledError):
            # The client went, or the test is over.
            pass
        finally:
            if playing is not None:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            writer.close()

    async def _play(self, talk: Conversation, writer: asyncio.StreamWriter) -> None:
        loop, script = asyncio.get_running_loop(), self.script
        begun = loop.time()
        waited: float | None = None
        behind = 0.0
        later: dict[tuple[int, bytes], float] = {}
        with contextlib.ExitStack() as stack:
            sockets = self._sockets(talk, stack, writer)
            for at, which, packet in script.packets():
                delay = begun + at - loop.time()
                if delay > 0:
                    await asyncio.sleep(delay)
                self.log.late = max(self.log.late, loop.time() - begun - at)
                if delay < -LATE and talk.ports:
                    begun -= delay
                    behind -= delay
                    self.log.stood = behind if script.goes_on and behind > GOES_ON else 0.0
                if waited is None and at > script.beginning:
                    waited = await self._wait_for_viewer()
                    begun += waited
                if loop.time() - talk.last_sign > script.timeout:
                    writer.close()
                    return
                moved = (waited or 0.0) + self.log.stood
                if not which % 2:
                    # All packets of one picture have its time, whatever overtakes them.
                    moved = later.setdefault((which, packet[4:8]), moved)
                self._send(talk, writer, sockets, which, script.later(which, packet, moved))
                await writer.drain()
            if script.ending == "bye":
                for number, track in enumerate(script.tracks):
                    self._send(talk, writer, sockets, 2 * number + 1, track.bye())
                await writer.drain()
            elif script.ending == "close":
                writer.close()

    async def _wait_for_viewer(self) -> float:
        """Seconds that it took."""
        if self._viewed is None:
            return 0.0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with contextlib.suppress(TimeoutError):
            silence = self.script.options.get("no_data_timeout", 0.0)
            assert isinstance(silence, int | float)
            async with asyncio.timeout(max(WAIT, silence - 1)):
                await self._viewed.wait()
        return loop.time() - begun

    def _send(
        self,
        talk: Conversation,
        writer: asyncio.StreamWriter,
        sockets: dict[int, socket.socket],
        which: int,
        packet: bytes,
    ) -> None:
        number, is_rtcp = divmod(which, 2)
        if self.script.silent_over == ("tcp" if number in talk.interleaved else "udp"):
            return
        if number in talk.interleaved:
            writer.write(self.script.wire(talk.interleaved[number][is_rtcp], packet))
        elif number in talk.ports:
            group = self.script.group
            peer = group[0] if group else writer.get_extra_info("peername")[0]
            sockets[which].sendto(packet, (peer, talk.ports[number][is_rtcp]))

    def _sockets(
        self, talk: Conversation, stack: contextlib.ExitStack, writer: asyncio.StreamWriter
    ) -> dict[int, socket.socket]:
        own = writer.get_extra_info("sockname")
        family = socket.AF_INET6 if ":" in own[0] else socket.AF_INET
        found = {}
        for number in talk.ports:
            for which in (2 * number, 2 * number + 1):
                found[which] = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                found[which].bind((self.script.udp_source or own[0], 0))
                if self.script.group is not None:
                    interface = socket.inet_aton(own[0])
                    found[which].setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        return found
