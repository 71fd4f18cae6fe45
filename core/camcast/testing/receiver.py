"""An RTMP(S) server that receives: for tests, the demo, measurements and plugin authors.

    async with Receiver() as receiver:
        ...  # publish to receiver.url("live", "cam1")
        recording = await receiver.recording("cam1")
        await receiver.until(lambda: recording.counts[TagType.VIDEO] >= 100)

Many names on one port; every publication becomes a `Recording` of its own. What servers do wrong can be asked
for: refusing, being slow or silent, holding on to names, stopping to read, dropping the connection. It runs in a
process of its own too, printing JSON lines: `python -m camcast.testing.receiver --port 1935`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import attrs

from camcast.media import TagType
from camcast.testing.recording import KEEP, Recording
from camcast_rtmp.messages import Message, ProtocolError
from camcast_rtmp.server import ConnectAsked, PingAnswered, PublishAsked, Server, Unpublished

_TYPES = {kind.value: kind for kind in TagType}


@attrs.frozen
class Refusal:
    """A no to connect or publish. Without a `code` the connection is closed without a word."""

    code: str = ""
    description: str = ""


OnPublish = Callable[[str, str], Refusal | None]


class Receiver:
    """The server. All its settings may be changed while it runs."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        on_publish: OnPublish | None = None,
        keep: int = KEEP,
    ) -> None:
        """`on_publish(app, key)` may return a `Refusal`. `keep`: bytes of media kept per recording; 0 = count only."""
        self.host = host
        self.port = port
        self.tls = tls
        self.on_publish = on_publish
        self.keep = keep
        self.on_connect: Callable[[str, Mapping[str, Any]], Refusal | None] | None = None
        self.on_tag: Callable[[Recording, TagType, int], object] | None = None
        """Told of every tag with its time in ms, kept or not."""
        self.properties: dict[str, Any] = {}
        """Added to the answer to connect: Enhanced RTMP's, for example."""
        self.answer_delay = 0.0
        """Seconds before connect and publish are answered."""
        self.silent = ""
        """Where to fall silent: "handshake", "connect" or "publish"; "" = nowhere."""
        self.held: set[str] = set()
        """Names that count as in use although nobody publishes them."""
        self.ghost_time = 0.0
        """Seconds that a name stays in use after its connection was lost."""
        self.start_then_close = False
        """Say Publish.Start even to those who are refused, then close, as some servers do."""
        self.recordings: list[Recording] = []
        """In the order in which they began."""
        self.connections: set[_Connection] = set()
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
            lambda: _Connection(self), self.host, self.port, ssl=self.tls, backlog=512
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

    def _publishing(self, name: str | None) -> list[_Connection]:
        return [c for c in self.connections if name is None or any(r.name == name for r in c.recordings.values())]


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.server = Server()
        self.recordings: dict[int, Recording] = {}
        self._transport: asyncio.Transport | None = None
        self._app = ""
        self._connect: Mapping[str, Any] = {}
        self._delayed: set[asyncio.TimerHandle] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.receiver.accepted += 1
        self.receiver.connections.add(self)
        if self.receiver.paused:
            transport.pause_reading()
        self.receiver.happened()

    def data_received(self, data: bytes) -> None:
        receiver = self.receiver
        if receiver.silent == "handshake":
            return
        try:
            for event in self.server.feed(data):
                if type(event) is Message:
                    recording = self.recordings.get(event.stream_id)
                    if recording is not None:
                        recording.add(_TYPES[event.type], event.time, event.payload)
                        if self.receiver.on_tag is not None:
                            self.receiver.on_tag(recording, _TYPES[event.type], event.time)
                else:
                    self._on(event)
            self.flush()
        except ProtocolError as error:
            receiver.errors.append(str(error))
            self.drop()
        receiver.happened()

    def connection_lost(self, error: Exception | None) -> None:
        receiver = self.receiver
        for timer in self._delayed:
            timer.cancel()
        for recording in list(self.recordings.values()):
            self._end(recording, clean=False)
            if receiver.ghost_time > 0:
                receiver.hold(recording.name, receiver.ghost_time)
        self.recordings.clear()
        receiver.connections.discard(self)
        receiver.happened()

    def _on(self, event: object) -> None:
        match event:
            case ConnectAsked():
                self._later("connect", self._answer_connect, event)
            case PublishAsked():
                self._later("publish", self._answer_publish, event)
            case Unpublished(stream_id):
                recording = self.recordings.pop(stream_id, None)
                if recording is not None:
                    self._end(recording, clean=True)
            case PingAnswered(value):
                self.receiver.pings.append(value)

    def _later(self, step: str, answer: Callable[[Any], None], asked: ConnectAsked | PublishAsked) -> None:
        if self.receiver.silent == step:
            return
        if not self.receiver.answer_delay:
            answer(asked)
            return

        def now() -> None:
            self._delayed.discard(timer)
            answer(asked)
            self.flush()
            self.receiver.happened()

        timer = asyncio.get_running_loop().call_later(self.receiver.answer_delay, now)
        self._delayed.add(timer)

    def _answer_connect(self, asked: ConnectAsked) -> None:
        refusal = self.receiver.on_connect(asked.app, asked.properties) if self.receiver.on_connect else None
        if refusal is None:
            self._app, self._connect = asked.app, asked.properties
            self.server.accept(asked, self.receiver.properties)
            return
        self.receiver.refused += 1
        if refusal.code:
            self.server.refuse_connect(asked, refusal.code, refusal.description)
            self.flush()
        self.drop()

    def _answer_publish(self, asked: PublishAsked) -> None:
        receiver, key = self.receiver, asked.key
        name = key.partition("?")[0]
        refusal = receiver.on_publish(self._app, key) if receiver.on_publish else None
        if refusal is None and (name in receiver.held or receiver.live(name)):
            refusal = Refusal("NetStream.Publish.BadName", "Already publishing")
        if refusal is not None:
            self._refuse_publish(asked, refusal)
            return
        recording = Recording(self._app, name, key, self._connect, receiver.keep)
        receiver.recordings.append(recording)
        self.recordings[asked.stream_id] = recording
        self.server.accept_publish(asked)

    def _refuse_publish(self, asked: PublishAsked, refusal: Refusal) -> None:
        self.receiver.refused += 1
        if self.receiver.start_then_close:
            self.server.accept_publish(asked)
        elif refusal.code:
            self.server.refuse_publish(asked, refusal.code, refusal.description)
            return  # the client is the one to close, as with nginx
        self.flush()
        self.drop()

    def _end(self, recording: Recording, *, clean: bool) -> None:
        recording.ended = time.monotonic_ns()
        recording.clean = clean

    def flush(self) -> None:
        out = self.server.outgoing()
        if out and self._transport is not None:
            self._transport.write(b"".join(out))

    def drop(self, *, reset: bool = False) -> None:
        if self._transport is None:
            return
        if reset:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


if __name__ == "__main__":
    from camcast.testing.receiver_process import main

    main()
