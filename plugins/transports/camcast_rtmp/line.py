"""One TCP connection to a server: the sans-IO client on a wire, and who waits for what it says.

The socket is read all the time, because servers ping, refuse late and ask to move. What a server may say is bounded in
bytes and reads by the wire, in messages here; one that exceeds it is cut off, since it would cost all others time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time as _time
from collections.abc import Callable, Mapping

from camcast.errors import CamcastError, NetworkError, TransportError
from camcast.net.allowance import Allowance
from camcast.net.tls import certificate_demanded, unsaid
from camcast.net.tls_session import TlsSession
from camcast.net.tls_wire import TlsWire
from camcast.net.wire import FloodError, Wire
from camcast.target import Target
from camcast_kit_rtmp import answers
from camcast_kit_rtmp.state import Refused, State
from camcast_rtmp.chunk import TooManyPieces
from camcast_rtmp.client import Client, ClientEvent, ClientSettings, Complained, Published, ReconnectRequested
from camcast_rtmp.native import LineState

PIECES_AT_ONCE, PIECES_PER_SECOND = 500, 50
"""Chunks that a server may send. A publisher gets a dozen while it connects, and then a handful a second."""
LARGE_MESSAGE = 1 << 20
"""nginx-rtmp cuts off whoever sends more in one message, unless its max_message says otherwise."""


class Silent(NetworkError):
    """A deadline passed."""


class Line(LineState):
    """`told` gets the events that nobody waits for, `lost` the error when nobody waits."""

    def __init__(
        self,
        sock: socket.socket,
        session: TlsSession | None,
        settings: ClientSettings,
        target: Target,
        *,
        told: Callable[[ClientEvent], None],
        lost: Callable[[TransportError], None],
    ) -> None:
        """Takes the socket over. `session` has shaken hands on it."""
        self._target = target
        self._session = session
        self._told = told
        self._tell_lost = lost
        self.client = Client(settings)
        self.error: TransportError | None = None
        self.started: float | None = None
        """When the server agreed, by the monotonic clock."""
        self.base = 0
        """Bytes handed over until then."""
        self.largest = LARGE_MESSAGE
        """Bytes of the largest message sent, if it was a large one."""
        self._pieces = Allowance(PIECES_AT_ONCE, PIECES_PER_SECOND)
        self._waiter: asyncio.Future[ClientEvent] | None = None
        if session is None:
            self.wire = Wire(sock, self._received, self._lost)
            self.write, self.finish = self.wire.write, self.wire.finish
        else:
            above = TlsWire(sock, session, self._received, self._lost)
            self.wire = above.below
            self.write, self.finish = above.write, above.finish
        self.flush()

    @property
    def encrypt(self) -> Callable[[bytes], bytes] | None:
        """What makes records of a message; None = it is not over TLS."""
        return self._session.send if self._session is not None else None

    @property
    def secure(self) -> bool:
        """Whether it is over TLS."""
        return self._session is not None

    @property
    def figures(self) -> Mapping[str, float]:
        """Of the connection below: the kernel's, and when the server's certificate expires, where it is verified."""
        found = {**self.wire.info(), "unsent_bytes": self.wire.unsent}
        if self._session is not None and self._session.expires is not None:
            found["certificate_expires"] = self._session.expires
        return found

    def flush(self) -> None:
        """Send what the client has to say."""
        out = self.client.outgoing()
        if out:
            self.write((b"".join(out),))

    async def next_event(self) -> ClientEvent:
        """The next event, within the target's deadline. Raises `TransportError`, `Silent` when nothing was said."""
        timeout = self._target.connect_timeout
        if self.error is not None:
            raise self.error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                event = await self._waiter
        except TimeoutError as error:
            silent = answers.silent(self.client.state, timeout)
            raise Silent(str(silent), stage=silent.stage) from error
        finally:
            self._waiter = None
        if self.error is not None and not isinstance(event, Refused):
            raise self.error
        return event

    def fail(self, error: TransportError) -> None:
        """It is over. Only the first reason counts."""
        if self.error is not None or self.wire.closed:
            return
        self.error = error
        self.wire.close()
        waiter = self._waiter
        if waiter is None:
            self._tell_lost(error)
        elif not waiter.done():
            waiter.set_exception(error)

    def close(self) -> None:
        self.wire.close()

    # --- what arrives -----------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        client, now = self.client, _time.monotonic()
        allowed = client.reader.allowed = self._pieces.left(now)
        try:
            events = client.feed(data)
        except TooManyPieces:
            self._cut_off(f"over {PIECES_AT_ONCE} messages at once, or {PIECES_PER_SECOND} a second")
            return
        except CamcastError as error:
            text = self._target.words(str(error))
            self.fail(NetworkError(text, stage=getattr(error, "stage", "") or answers.STAGES[client.state]))
            return
        self._pieces.take(allowed - client.reader.allowed, now)
        self.flush()
        for event in events:
            self._on_event(event)

    def _on_event(self, event: ClientEvent) -> None:
        if isinstance(event, Published):
            self.started, self.base = _time.monotonic(), self.wire.handed
        waiter = self._waiter
        if waiter is not None and not waiter.done() and not isinstance(event, (ReconnectRequested, Complained)):
            waiter.set_result(event)
        else:
            self._told(event)

    def _cut_off(self, how_much: str) -> None:
        text = f"cut off: the server sends a publisher {how_much}, which would cost other streams time"
        self.fail(NetworkError(text, stage=answers.STAGES[self.client.state]))

    def _lost(self, error: OSError | None) -> None:
        state = self.client.state
        since = None if self.started is None else _time.monotonic() - self.started
        large = self.largest if self.largest > LARGE_MESSAGE else 0
        demanded = certificate_demanded(error, self._session.settings) if error and self._session else None
        maybe = unsaid(self._session.settings) if self._session and state is State.HANDSHAKE else ""
        if isinstance(error, FloodError):
            self._cut_off(error.how_much)
        elif error is None:
            self.fail(answers.closed(state, since, large=large, maybe=maybe))
        elif demanded is not None:
            self.fail(demanded)
        elif isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self.fail(answers.closed(state, since, "reset the connection", large=large, maybe=maybe))
        else:
            why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            text = f"the connection broke: {why or type(error).__name__}"
            self.fail(NetworkError(self._target.words(text), stage=answers.STAGES[state]))
