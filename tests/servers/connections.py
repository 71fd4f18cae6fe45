"""The half of a small TCP server that all have: it listens while entered, and ends with everybody it talks to."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from typing import Self


class Connections(ABC):
    """Listens on `port`, a free one, while entered. `talk` is what happens on each connection."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._host = host
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """To one client. Cancelled where the server ends first."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._client, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self.talk(reader, writer)
