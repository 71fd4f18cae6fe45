"""An RTMP(S) server that receives: for tests, the demo, measurements and plugin authors.

    async with Receiver() as receiver:
        ...  # publish to receiver.url("live", "cam1")
        recording = await receiver.recording("cam1")
        await receiver.until(lambda: recording.counts[TagType.VIDEO] >= 100)

Many names on one port; every publication becomes a `Recording` of its own. What servers do wrong can be asked
for: refusing, being slow or silent, holding on to names, stopping to read, dropping the connection. It runs in a
process of its own too, printing JSON lines: `python -P -m camcast_rtmp.receiver --port 1935`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from camcast.media import TagType
from camcast.testing.recording import KEEP, Recording
from camcast_rtmp.receiver.connection import Connection
from camcast_rtmp.receiver.refusal import Refusal

OnPublish = Callable[[str, str], Refusal | None]


class Receiver:
    """The server. All its settings may be changed while it runs. Implements `camcast.testing.local.LocalReceiver`."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        ca_file: Path | None = None,
        on_publish: OnPublish | None = None,
        keep: int = KEEP,
    ) -> None:
        """`on_publish(app, key)` may return a `Refusal`. `keep`: bytes of media kept per recording; 0 = count only.

        `ca_file`: what clients trust the certificate of `tls` by.
        """
        self.host = host
        self.port = port
        self.tls = tls
        self.ca_file = ca_file
        self.on_publish = on_publish
        self.keep = keep
        self.on_connect: Callable[[str, Mapping[str, Any]], Refusal | None] | None = None
        self.on_tag: Callable[[Recording, TagType, int], object] | None = None
        """Told of every tag with its time in ms, kept or not."""
        self.on_accept: Callable[[Connection], object] | None = None
        """Told of every TCP connection before anything is read: its `server` may be made an odd one."""
        self.properties: dict[str, Any] = {}
        """Added to the answer to connect: Enhanced RTMP's, for example."""
        self.answer_delay = 0.0
        """Seconds before connect and publish are answered."""
        self.silent = ""
        """Where to fall silent: "handshake", "connect" or "publish"; "" = nowhere."""
        self.unanswered: deque[str] = deque(maxlen=100)
        """Where it was silent when something came."""
        self.held: set[str] = set()
        """Names that count as in use although nobody publishes them."""
        self.ghost_time = 0.0
        """Seconds that a name stays in use after its connection was lost."""
        self.start_then_close = False
        """Say Publish.Start even to those who are refused, then close, as some servers do."""
        self.recordings: list[Recording] = []
        """In the order in which they began."""
        self.connections: set[Connection] = set()
        self.accepted = 0
        """TCP connections accepted."""
        self.refused = 0
        self.errors: deque[str] = deque(maxlen=100)
        """What clients did wrong."""
        self.pings: deque[int] = deque(maxlen=100)
        """Values of ping answers."""
        self.paused = False
        self._server: asyncio.Server | None = None
        self._news = asyncio.Event()

    # --- running ----------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """Listen. Port 0 becomes the port that was free."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), self.host, self.port, ssl=self.tls, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Stop listening and drop every connection. It may be started again, on the same port."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, app: str = "live", key: str = "", *, host: str = "") -> str:
        """Where to publish. `host`: another name for this machine, for certificates."""
        place = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'rtmps' if self.tls else 'rtmp'}://{place}:{self.port}/{app}" + (f"/{key}" if key else "")

    def address(self, name: str) -> str:
        """The URL that publishes as `name`."""
        return self.url("live", name, host="localhost" if self.tls else "")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What an output needs beside the URL."""
        return {"ca_file": str(self.ca_file)} if self.ca_file is not None else {}

    # --- looking ----------------------------------------------------------------------------------------

    def of(self, name: str) -> list[Recording]:
        """All recordings of a name, oldest first."""
        return [recording for recording in self.recordings if recording.name == name]

    def live(self, name: str | None = None) -> list[Recording]:
        """The recordings that are running."""
        return [r for r in self.recordings if r.live and name in (None, r.name)]

    async def until(self, condition: Callable[[], object], *, timeout: float = 10.0) -> None:
        """Wait until `condition()` is true; looked at whenever something happens here. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def recording(self, name: str, number: int = 0, *, timeout: float = 10.0) -> Recording:
        """The recording of a name, counted from 0, once it has begun."""
        await self.until(lambda: len(self.of(name)) > number, timeout=timeout)
        return self.of(name)[number]

    def hold(self, name: str, seconds: float) -> None:
        """Let a name count as in use for a while."""
        self.held.add(name)

        def free() -> None:
            self.held.discard(name)
            self.happened()

        asyncio.get_running_loop().call_later(seconds, free)

    def happened(self) -> None:
        """Wake those who wait in `until`."""
        self._news.set()

    # --- being a bad server -----------------------------------------------------------------------------

    def drop(self, name: str | None = None, *, reset: bool = False) -> int:
        """Close the connections that publish `name` (or all), with `reset` by RST. Returns how many."""
        chosen = self._publishing(name)
        for connection in chosen:
            connection.drop(reset=reset)
        return len(chosen)

    def pause(self) -> None:
        """Stop reading from every connection, also from new ones."""
        self.paused = True
        for connection in self.connections:
            connection.pause()

    def resume(self) -> None:
        self.paused = False
        for connection in self.connections:
            connection.resume()

    def request_reconnect(self, name: str | None = None, tc_url: str | None = None) -> int:
        """Send an Enhanced RTMP ReconnectRequest to those who publish `name` (or all)."""
        chosen = self._publishing(name)
        for connection in chosen:
            connection.server.request_reconnect(tc_url)
            connection.flush()
        return len(chosen)

    def ping(self, value: int = 1, name: str | None = None) -> int:
        """Send a ping request; answers go to `pings`."""
        chosen = self._publishing(name)
        for connection in chosen:
            connection.server.ping(value)
            connection.flush()
        return len(chosen)

    def status(self, name: str | None, level: str, code: str, description: str = "") -> int:
        """Send an onStatus to those who publish `name` (or all)."""
        chosen = self._publishing(name)
        for connection in chosen:
            for stream_id in connection.recordings:
                connection.server.status(stream_id, level, code, description)
            connection.flush()
        return len(chosen)

    def _publishing(self, name: str | None) -> list[Connection]:
        return [c for c in self.connections if name is None or any(r.name == name for r in c.recordings.values())]
