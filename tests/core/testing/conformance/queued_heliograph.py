"""The made-up transport on `QueuedTransport`, by an author who asks nobody what has arrived, and by a better one."""

from __future__ import annotations

import asyncio
import fcntl
import struct
from collections.abc import Sequence
from urllib.parse import urlsplit

from camcast.errors import NetworkError, RefusedError
from camcast.media import Packet, Track, Unit
from camcast.queued import QueuedTransport

_SIOCOUTQ = 0x5411
"""Bytes that the kernel holds and the peer has not acknowledged (Linux tcp(7))."""


class Trusting(QueuedTransport):
    """What the library has taken counts as acknowledged."""

    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    listening: asyncio.Task[None] | None = None
    ended = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.target.shown}>"

    async def open(self) -> None:
        parts = urlsplit(self.target.url)
        try:
            places = await self.context.resolver.resolve(parts.hostname or "", parts.port or 0)
            self.reader, self.writer = await asyncio.open_connection(*places[0][1][:2])
        except OSError as error:
            raise NetworkError(f"{self.target.shown}: {type(error).__name__}", stage="connect") from None
        await self.ask(b"HELO " + parts.path.strip("/").encode())

    async def ask(self, line: bytes) -> None:
        assert self.reader is not None
        assert self.writer is not None
        self.writer.write(line + b"\n")
        answer = await self.reader.readline()
        if not answer:
            raise NetworkError("the connection was closed", stage="command")
        if not answer.startswith(b"OK"):
            raise RefusedError(self.target.scrub(answer.decode(errors="replace")), stage="command")

    async def begin(self, tracks: Sequence[Track]) -> None:
        await self.ask(b"GO")
        if not self.ended:
            self.listening = asyncio.create_task(self.listen())

    async def listen(self) -> None:
        """The server's answers are not looked at; that they end is."""
        assert self.reader is not None
        try:
            while await self.reader.read(4096):
                pass
        except OSError:
            pass
        self.context.events.lost(NetworkError("the connection broke", stage="streaming"))

    async def write(self, unit: Unit, time: int) -> None:
        assert self.writer is not None
        assert isinstance(unit, Packet)
        self.writer.write(len(unit.payload).to_bytes(4) + time.to_bytes(8) + unit.payload)
        await self.writer.drain()

    async def end(self) -> None:
        self.ended = True
        if self.listening is not None:
            self.listening.cancel()
            await asyncio.wait([self.listening])
        if self.writer is not None:
            self.writer.transport.abort()
            try:
                await self.writer.wait_closed()
            except OSError:
                return


class Asking(Trusting):
    """Asks the kernel."""

    def unacknowledged(self) -> int:
        if self.writer is None or self.writer.transport.is_closing():
            return 0
        raw = self.writer.get_extra_info("socket")
        held = int(struct.unpack("i", fcntl.ioctl(raw.fileno(), _SIOCOUTQ, bytes(4)))[0])
        return held + self.writer.transport.get_write_buffer_size()
