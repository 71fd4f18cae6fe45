"""Stands between a client and an RTSP server (over TCP) and spoils the media on its way, frame by frame.

`spoil(channel, packet)` returns the packets to send instead: none is loss, two are a duplicate, a later one is
reordering. `chop` sends what goes out in pieces of random size. RTSP messages pass, and are kept.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tests.servers.connections import Connections

Spoil = Callable[[int, bytes], list[bytes]]


def untouched(channel: int, packet: bytes) -> list[bytes]:
    return [packet]


class RtpRelay(Connections):
    """Listens on `port` of 127.0.0.1 while entered."""

    def __init__(
        self,
        server_port: int,
        spoil: Spoil = untouched,
        *,
        chop: int = 0,
        stray: bytes = b"",
        rewrite: Callable[[bytes], bytes] = lambda message: message,
    ) -> None:
        """`chop`: largest piece in bytes; `stray`: put between frames; `rewrite`: for RTSP messages of the server."""
        super().__init__()
        self.requests: list[bytes] = []
        self.spoil, self.rewrite = spoil, rewrite
        self._server_port = server_port
        self._chop, self._stray = chop, stray
        self._random = random.Random(1)

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
        up = asyncio.ensure_future(self._upwards(reader, back))
        try:
            await self._downwards(there, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # Ended by either side, or with the relay.
            pass
        finally:
            up.cancel()
            writer.close()
            back.close()

    async def _upwards(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.requests.append(data)
            back.write(data)
        back.close()

    async def _downwards(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first = await there.readexactly(1)
            if first == b"$":
                head = await there.readexactly(3)
                packet = await there.readexactly(int.from_bytes(head[1:], "big"))
                for out in self.spoil(head[0], packet):
                    await self._send(writer, b"$" + head[:1] + len(out).to_bytes(2, "big") + out + self._stray)
            else:
                message = first + await there.readuntil(b"\r\n\r\n")
                lengths = [line[15:] for line in message.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                length = int(lengths[0]) if lengths else 0
                await self._send(writer, self.rewrite(message) + await there.readexactly(length))

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while self._chop and data:
            size = self._random.randint(1, self._chop)
            writer.write(data[:size])
            data = data[size:]
            if self._random.random() < 0.05:
                await asyncio.sleep(0)
        writer.write(data)
        await writer.drain()
