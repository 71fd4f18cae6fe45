"""An HTTP server: uvicorn without its signal handlers and log, with deadlines for those who do not read or write."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from camcast.net.kernel import acknowledged
from camcast_kit_http.bounded import Bounded
from camcast_kit_http.unread import Unread

LOOK = 2.0
HEAD_DEADLINE = 10.0
"""Seconds for the whole head of a request to come."""
UNREAD = 30.0
"""Seconds in which a client must take something of what waits for it."""
MAX_HEAD = 16 * 1024
END = 1.0
"""Seconds for connections to end."""


class Guarded(H11Protocol):
    """A connection that is looked at every `LOOK` seconds; whoever holds it up is cut off."""

    _watch: asyncio.TimerHandle | None = None
    _head_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unread = Unread()
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
            return
        self._head_since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._idle and self._head_since is None:
            self._head_since = self.loop.time()
        super().data_received(data)
        if not self._idle:
            self._head_since = None

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _look(self) -> None:
        now = self.loop.time()
        self._watch = self.loop.call_later(LOOK, self._look)
        if not self._idle:
            self._head_since = None
        taken = acknowledged(self.transport.get_extra_info("socket"))
        self._unread.look(self.transport.get_write_buffer_size(), taken)
        if self._unread.looks * LOOK > UNREAD:
            self.transport.abort()
        if self._head_since is not None and now - self._head_since > HEAD_DEADLINE:
            self.transport.abort()


class Server(uvicorn.Server):
    """Serves one application on one socket until it is cancelled."""

    def __init__(self, app: ASGIApp, *, connections: int, certificate: str = "", key: str = "") -> None:
        """`certificate`, `key`: paths, for TLS. Raises `OSError` where they cannot be used."""
        config = uvicorn.Config(
            app,
            interface="asgi3",
            http=Guarded,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=connections,
            h11_max_incomplete_event_size=MAX_HEAD,
            timeout_graceful_shutdown=1,
            log_level="critical",
        )
        config.load()
        config.ssl = _encryption(certificate, key) if certificate else None
        super().__init__(config)
        self._connections = connections

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the program's, not a library's."""
        yield

    async def run_on(self, sock: socket.socket) -> None:
        """Serve until cancelled; then end within `END` and a little more. `sock` is taken over."""
        sock = Bounded(sock, self._connections)
        serving = asyncio.create_task(self.serve([sock]), name="camcast-http-server")
        try:
            await asyncio.shield(serving)
        finally:
            self.should_exit = self.force_exit = True
            for connection in tuple(self.server_state.connections):
                connection.transport.abort()
            for task in tuple(self.server_state.tasks):
                task.cancel()
            await asyncio.wait({serving}, timeout=END)
            sock.close()


def _encryption(certificate: str, key: str) -> ssl.SSLContext:
    """TLS for those who connect. Raises `OSError`."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        found.load_cert_chain(certificate, key or None, password=_no_passphrase)
    except ValueError as error:
        raise OSError(str(error)) from None
    return found


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal, and hold up everything that runs on this thread.
    raise ValueError("its key has a passphrase; give one without")
