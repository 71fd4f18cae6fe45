"""Our receiver on the far host, within this process."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Self

from camcast_rtmp.receiver.connection import Connection
from camcast_rtmp.receiver.receiver import Receiver
from tests.far.path import Path


class FarReceiver(Receiver):
    """Listens there; all else is as with `Receiver`."""

    def __init__(self, path: Path, **settings: Any) -> None:
        super().__init__(**{"host": path.address, **settings})
        self._path = path

    async def start(self) -> Self:
        # In one go: whatever else this thread makes a socket for belongs to the near host.
        with self._path.there():
            listening = socket.create_server((self.host, self.port), backlog=512)
        self.port = listening.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listening, ssl=self.tls)
        return self
