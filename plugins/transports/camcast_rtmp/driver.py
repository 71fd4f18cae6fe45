"""One attempt over RTMP or RTMPS: the sans-IO client on a non-blocking socket, with a deadline on every step.

From `send` to the socket it is one synchronous call without a copy of the payload. The socket is read all the time,
because servers ping, refuse late and ask to move.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time as _time
from collections.abc import Mapping, Sequence

from camcast.contracts import TransportContext
from camcast.errors import CamcastError, MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.kinds import Acceptance
from camcast.media import Tag, TagType, Track, Unit
from camcast_kit_rtmp import answers, urls
from camcast_kit_rtmp.state import Refused, State
from camcast_rtmp import profiles, proxy, reconnect
from camcast_rtmp.auth import Authenticator
from camcast_rtmp.client import (
    CHUNK_STREAMS,
    Client,
    ClientEvent,
    ClientSettings,
    Connected,
    Published,
    ReconnectRequested,
)
from camcast_rtmp.network import dial
from camcast_rtmp.options import RtmpOptions, connect_object
from camcast_rtmp.tls import TlsWire, start_tls
from camcast_rtmp.wire import Wire, tune

CLOSE_DRAIN = 1.0
CLOSE_LINGER = 0.5
MAX_MESSAGE = 0xFFFFFF
MAX_CONNECTIONS = 4
"""TCP connections in one `connect()`: announced, bare, and two steps of authentication."""
MAX_RECEIVED_PER_SECOND = 256 * 1024
"""A publisher is sent next to nothing; a server that floods it would cost all other sessions time."""
LARGE_MESSAGE = 1 << 20
"""nginx-rtmp cuts off whoever sends more in one message, unless its max_message says otherwise."""
_MAX_REDIRECTS = 8
_LINES = {type: (CHUNK_STREAMS[type.value], type.value) for type in TagType}
"""Chunk stream and message type of each type of tag."""


class _Silent(NetworkError):
    """A deadline passed; worth another connection without Enhanced RTMP when connect was not answered."""


class RtmpTransport:
    """Implements `contracts.Transport`."""

    def __init__(self, context: TransportContext) -> None:
        self._target = context.target
        self._context = context
        self._events = context.events
        self._options = context.options if isinstance(context.options, RtmpOptions) else RtmpOptions()
        try:
            self._address = urls.parse(context.target)
        except ValueError as error:
            raise MisconfiguredError(str(error), stage="resolve") from error
        self._wire: Wire | None = None
        self._client: Client | None = None
        self._waiter: asyncio.Future[ClientEvent] | None = None
        self._error: TransportError | None = None
        self._closed = False
        self._started: float | None = None
        self._base = 0
        self._redirects = 0
        self._sent_tags = 0
        self._too_large = 0
        self._largest = LARGE_MESSAGE
        self._flood_since = 0.0
        self._flood_bytes = 0
        self._after_loss = 0
        self._connections = 0

    # --- connect and publish ----------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        if self._connections or self._closed:
            raise NetworkError("this attempt has been used already", stage="connect")
        if self._target.insecure and self._address.secure:
            self._events.note("tls_insecure", "any certificate is accepted, because insecure is set")
        auth = Authenticator(self._address.user, self._address.password, self._address.app)
        announce, query = self._options.announce, ""
        while True:
            self._connections += 1
            try:
                answer = await self._connect_once(announce, query)
            except _Silent:
                if announce == "none" or self._state is not State.CONNECTING or self._connections >= MAX_CONNECTIONS:
                    raise
                announce = "none"
                self._events.note("bare_connect", "no answer to connect with Enhanced RTMP; trying once without")
                continue
            if isinstance(answer, Connected):
                return profiles.from_answer(self._target, answer)
            try:
                new_query = auth.answer(answer.description)
            except RefusedError as error:  # with the server's words in it
                raise RefusedError(self._target.scrub(str(error)), stage=error.stage) from None
            if new_query is None or self._connections >= MAX_CONNECTIONS:
                url = reconnect.redirected(answer.info, self._address)
                if url is not None:
                    self._redirect(url)
                raise answers.refused(answer, self._target)
            query = new_query

    async def _connect_once(self, announce: str, query: str) -> Connected | Refused:
        """One TCP connection up to the answer to connect. Leaves nothing open unless it returns `Connected`."""
        self._forget_connection()
        try:
            sock = await self._open()
            self._client = Client(
                ClientSettings(
                    connect=connect_object(self._options, self._address, announce=announce, query=query),
                    key=self._address.key,
                    chunk_size=self._options.chunk_size,
                )
            )
            wire = TlsWire if isinstance(sock, ssl.SSLSocket) else Wire
            self._wire = wire(sock, self._received, self._lost)  # type: ignore[arg-type]
            self._flush_client()
            while True:
                event = await self._next_event()
                if isinstance(event, (Connected, Refused)):
                    break
        except BaseException:
            self._close_wire()
            raise
        if isinstance(event, Refused):
            self._close_wire()
        return event

    async def _open(self) -> ssl.SSLSocket | proxy.Socket:
        target, address, timeout = self._target, self._address, self._target.connect_timeout
        through = proxy.parse(target.proxy) if target.proxy else None
        host, port = (through.host, through.port) if through else (address.host, address.port)
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._context.resolver.resolve(host, port, target.ip_family)
        except TimeoutError as error:
            raise NetworkError(f"no answer to the look-up of {host} within {timeout:g} s", stage="resolve") from error
        sock = await dial(addresses, bind=target.bind, timeout=timeout)
        try:
            tune(sock, max(timeout, 15.0))
            if through:
                await proxy.ask(sock, through, address.host, address.port, timeout)
        except BaseException:
            sock.close()
            raise
        return await start_tls(sock, target, address.host, timeout) if address.secure else sock

    async def publish(self, tracks: Sequence[Track]) -> None:
        client = self._client
        if client is None:
            raise RuntimeError("publish() before connect()")
        if self._error is not None:
            raise self._error
        client.publish()
        self._flush_client()
        while True:
            match await self._next_event():
                case Published():
                    break
                case Refused() as refusal:
                    self._close_wire()
                    raise answers.refused(refusal, self._target)

    async def _next_event(self) -> ClientEvent:
        """The next event that `connect` or `publish` waits for, within the step's deadline."""
        timeout = self._target.connect_timeout
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                event = await self._waiter
        except TimeoutError as error:
            silent = answers.silent(self._state, timeout)
            raise _Silent(str(silent), stage=silent.stage) from error
        finally:
            self._waiter = None
        if self._error is not None and not isinstance(event, Refused):
            raise self._error
        return event

    # --- sending ----------------------------------------------------------------------------------------

    def send(self, unit: Unit, time: int) -> None:
        wire, client = self._wire, self._client
        if self._started is None or wire is None or client is None:
            self._after_loss += 1
            return
        assert isinstance(unit, Tag)
        head, body = unit.head, unit.body
        size = len(head) + len(body)
        if size > self._largest or not size:
            if size > MAX_MESSAGE or not size:
                self._too_large += 1
                return
            self._largest = size
        self._sent_tags += 1
        stream, type = _LINES[unit.type]
        wire.write(client.writer.message(stream, type, time, client.stream_id, head, body))

    @property
    def pending(self) -> int:
        wire = self._wire
        return 0 if wire is None else wire.pending

    @property
    def acked(self) -> int:
        return 0 if self._wire is None or self._started is None else max(0, self._wire.acked - self._base)

    # --- what arrives -----------------------------------------------------------------------------------

    @property
    def _state(self) -> State:
        return self._client.state if self._client is not None else State.HANDSHAKE

    def _received(self, data: bytes) -> None:
        client = self._client
        if client is None or self._flooded(len(data)):
            return
        try:
            events = client.feed(data)
        except CamcastError as error:
            text = self._target.scrub(str(error))
            self._fail(NetworkError(text, stage=getattr(error, "stage", "") or answers.STAGES[client.state]))
            return
        self._flush_client()
        for event in events:
            self._on_event(event)

    def _flooded(self, size: int) -> bool:
        now = _time.monotonic()
        if now - self._flood_since > 1.0:
            self._flood_since, self._flood_bytes = now, 0
        self._flood_bytes += size
        if self._flood_bytes <= MAX_RECEIVED_PER_SECOND:
            return False
        text = f"the server sends over {MAX_RECEIVED_PER_SECOND} bytes a second to a publisher"
        self._fail(NetworkError(text, stage=answers.STAGES[self._state]))
        return True

    def _on_event(self, event: ClientEvent) -> None:
        waiter = self._waiter
        if isinstance(event, Published) and self._wire is not None:
            self._started, self._base = _time.monotonic(), self._wire.handed
        if isinstance(event, ReconnectRequested):
            url = reconnect.requested(event.tc_url, self._address)
            if url is not None:
                self._redirect(url)
        elif waiter is not None and not waiter.done():
            waiter.set_result(event)
        elif isinstance(event, Refused):
            self._fail(answers.refused(event, self._target))

    def _redirect(self, url: str) -> None:
        self._redirects += 1
        if self._redirects <= _MAX_REDIRECTS:
            self._events.redirect(url)

    def _flush_client(self) -> None:
        assert self._client is not None
        out = self._client.outgoing()
        if out and self._wire is not None:
            self._wire.write([b"".join(out)])

    def _lost(self, error: OSError | None) -> None:
        since = None if self._started is None else _time.monotonic() - self._started
        large = self._largest if self._largest > LARGE_MESSAGE else 0
        if error is None:
            self._fail(answers.closed(self._state, since, large=large))
        elif isinstance(error, (ConnectionResetError, BrokenPipeError)):
            self._fail(answers.closed(self._state, since, "reset the connection", large=large))
        else:
            why = error.strerror or type(error).__name__
            self._fail(NetworkError(f"the connection broke: {why}", stage=answers.STAGES[self._state]))

    def _fail(self, error: TransportError) -> None:
        if self._error is not None or self._closed:
            return
        self._error = error
        self._close_wire()
        waiter = self._waiter
        if waiter is None:
            self._events.lost(error)
        elif not waiter.done():
            waiter.set_exception(error)

    # --- the end ----------------------------------------------------------------------------------------

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        wire, client = self._wire, self._client
        try:
            if wire is not None and client is not None and wire.alive and client.state is State.LIVE:
                client.end()
                self._flush_client()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_DRAIN):
                        await wire.drained()
                    wire.finish()
                    async with asyncio.timeout(CLOSE_LINGER):
                        await wire.ended()
        finally:
            self._close_wire()

    def _close_wire(self) -> None:
        if self._wire is not None:
            self._wire.close()

    def _forget_connection(self) -> None:
        self._wire = self._client = self._error = None

    def stats(self) -> Mapping[str, float]:
        wire, client = self._wire, self._client
        found: dict[str, float] = {
            "connections": self._connections,
            "tags_sent": self._sent_tags,
            "tags_too_large": self._too_large,
            "tags_after_loss": self._after_loss,
        }
        if wire is not None:
            found.update(wire.info(), unsent_bytes=wire.tail_bytes)
        if client is not None:
            found.update(received_bytes=client.received, pings_answered=client.pings_answered)
        return found
