"""An HTTP server: uvicorn without its signal handlers and log, with deadlines for those who do not read or write."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import h11
from starlette.types import ASGIApp

from camcast.net.kernel import acknowledged
from camcast.net.tls_bounds import BoundedContext
from camcast.postponed import postponed
from camcast_kit_http.accepting import Accepting
from camcast_kit_http.turns import Turns
from camcast_kit_http.unread import Unread

# The package itself loads its command line, 2 MB. What serves are modules of it.
with postponed("uvicorn"):
    import uvicorn
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import Server as Uvicorn
# A module of its own asks the package for this one.
vars(uvicorn)["Config"] = Config

LOOK = 2.0
DATE = 1.0
"""Seconds after which answers have another date."""
HEAD_DEADLINE = 10.0
"""Seconds for the whole head of a request to come."""
UNREAD = 30.0
"""Seconds in which a client must take something of what waits for it."""
MAX_HEAD = 16 * 1024
END = 1.0
"""Seconds for connections to end."""


class HeadHeld(h11.Connection):
    """An answer's head goes out with the first piece of its body, as ASGI has it: one call to the system and one packet
    where there would be two, and one moment less in which other threads wait for the interpreter."""

    _head = b""

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]  # overloads, one for each kind
        data = super().send(event)
        if type(event) is h11.Response and data is not None:
            self._head = data
            return b""
        if self._head and data is not None:
            data, self._head = self._head + data, b""
        return data


class Guarded(H11Protocol):
    """A connection (an `accepting.Caller`) that is looked at every `LOOK` seconds; whoever holds it up is cut off.

    Whoever asks faster than he may is not heard until it is his turn, and keeps nobody else out meanwhile.
    """

    turns: Turns | None = None
    """None = anybody may ask as fast as is answered."""
    address = ""
    gone: Callable[[], object] = staticmethod(lambda: None)
    _spoke = _ended = False
    _watch: asyncio.TimerHandle | None = None
    _head_since: float | None = None
    _turn: asyncio.TimerHandle | None = None
    """His next one, for which he waits."""

    def __init__(self, **settings: Any) -> None:
        """`settings`: the library's."""
        super().__init__(**settings)
        self.conn = HeadHeld(h11.SERVER, MAX_HEAD)

    @property
    def spoke(self) -> bool:
        return self._spoke

    @property
    def busy(self) -> bool:
        return not self._idle

    @property
    def hears(self) -> Guarded:
        return self

    def drop(self) -> None:
        self._ended = True
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unread = Unread()
        if self._ended:
            transport.abort()
            return
        self._head_since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self.gone()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._spoke = True
        if self._idle and self._head_since is None:
            self._head_since = self.loop.time()
        super().data_received(data)
        if not self._idle:
            self._head_since = None

    def handle_events(self) -> None:
        """Called where a request may have come, or be there still behind the one that was answered."""
        now = self.loop.time()
        if self._turn is not None:
            return
        if self.turns is not None and self._begins and not self.turns.due(self.address, now):
            self.flow.pause_reading()
            self._turn = self.loop.call_later(1 / self.turns.rate, self._go_on)
            return
        before = self.cycle
        super().handle_events()
        if self.turns is not None and self.cycle is not before:
            self.turns.took(self.address, now)

    def _go_on(self) -> None:
        self._turn = None
        self._head_since = self.loop.time()  # what he waited is not his
        self.flow.resume_reading()
        self.handle_events()

    @property
    def _begins(self) -> bool:
        """Whether something of a new request is there."""
        return self._idle and self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

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
        if self._head_since is not None and self._turn is None and now - self._head_since > HEAD_DEADLINE:
            self.transport.abort()


class Server(Uvicorn):
    """Serves one application on one socket until it is cancelled."""

    def __init__(
        self, app: ASGIApp, *, connections: int, certificate: str = "", key: str = "", turns: Turns | None = None
    ) -> None:
        """`certificate`, `key`: paths, for TLS. `turns`: who may ask how often; None = anybody, as often as he likes.

        Raises `OSError` where the files cannot be used.
        """
        config = Config(
            app,
            interface="asgi3",
            http=Guarded,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            log_level="critical",
        )
        config.load()
        super().__init__(config)
        self._connections = connections
        self._turns = turns
        self._tls = _encryption(certificate, key) if certificate else None
        self._accepting: Accepting | None = None
        self._over = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the program's, not a library's."""
        yield

    async def main_loop(self) -> None:
        """Keep the date until the end. The library looks for that ten times a second, which would cost more than
        answering a page does."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE):
                    await self._over.wait()

    async def run_on(self, sock: socket.socket) -> None:
        """Serve until cancelled; then end within `END` and a little more. `sock` is taken over."""
        self._accepting = accepting = Accepting(sock, self._connections, self._caller, self._tls)
        serving = asyncio.create_task(self.serve([]), name="camcast-http-server")
        letting_in = asyncio.create_task(accepting.run(), name="camcast-http-accepting")
        try:
            done, _ = await asyncio.wait({serving, letting_in}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            letting_in.cancel()
            self.close()
            self.should_exit = self.force_exit = True
            self._over.set()
            for connection in tuple(self.server_state.connections):
                connection.transport.abort()
            for task in tuple(self.server_state.tasks):
                task.cancel()
            await asyncio.wait({serving}, timeout=END)

    def close(self) -> None:
        """Listen no more."""
        if self._accepting is not None:
            self._accepting.close()

    def _caller(self) -> Guarded:
        made = Guarded(config=self.config, server_state=self.server_state, app_state={})
        made.turns = self._turns
        return made


def _encryption(certificate: str, key: str) -> BoundedContext:
    """TLS for those who connect. Raises `OSError`."""
    try:
        return BoundedContext.serving(certificate, key)
    except ValueError as error:
        raise OSError(str(error)) from None
