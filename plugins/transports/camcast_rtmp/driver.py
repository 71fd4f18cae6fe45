"""One attempt over RTMP or RTMPS: the sans-IO client on a non-blocking socket, with a deadline on every step.

From `send` to the socket it is one synchronous call without a copy of the payload; over TLS it is copied once.
Positions and figures count bytes as they go over the network (chunk headers, control messages, TLS records included),
from the moment that the server agreed to publish.
"""

from __future__ import annotations

import asyncio
import contextlib
import time as _time
from collections.abc import Mapping, Sequence

import attrs

from camcast.contracts import TransportContext
from camcast.errors import MisconfiguredError, NetworkError, RefusedError, TransportError, UnexplainedRefusal
from camcast.few import NOTHING
from camcast.kinds import Acceptance
from camcast.media import Tag, TagType, Track, Unit
from camcast.net.dial import connect
from camcast.net.tls import TlsSettings
from camcast.net.tls_session import start_tls
from camcast_kit_rtmp import answers, urls
from camcast_kit_rtmp.state import Refused, State
from camcast_rtmp import reconnect
from camcast_rtmp.acquaintance import Acquaintance
from camcast_rtmp.auth import Authenticator
from camcast_rtmp.client import (
    CHUNK_STREAMS,
    ClientEvent,
    ClientSettings,
    Complained,
    Connected,
    Published,
    ReconnectRequested,
    chunk_stream_of,
)
from camcast_rtmp.line import Line, Silent
from camcast_rtmp.memory import BareServers, ShownServers
from camcast_rtmp.native import CountsState, TransportState
from camcast_rtmp.options import RtmpOptions, connect_object
from camcast_rtmp.port import Port

CLOSE_DRAIN = 1.0
CLOSE_LINGER = 0.5
MAX_MESSAGE = 0xFFFFFF
MAX_CONNECTIONS = 4
"""TCP connections in one `connect()`: announced, bare, and two steps of authentication."""
_MAX_REDIRECTS = 8
_MAX_COMPLAINTS = 4
_LINES = {type: (CHUNK_STREAMS[type.value], type.value) for type in TagType}
"""Chunk stream and message type of each type of tag."""
_DECIDED = frozenset({"NetConnection.Connect.InvalidApp", "NetConnection.Connect.AppShutdown"})
"""Refusals that say what is wrong, and that it is not the properties of connect."""


@attrs.define
class _Counts(CountsState):
    """For `stats`."""

    connections: int = 0
    tags_sent: int = 0
    tags_too_large: int = 0
    tags_after_loss: int = 0


class RtmpTransport(TransportState):
    """Implements `contracts.Transport`."""

    def __init__(
        self, context: TransportContext, bare: BareServers | None = None, shown: ShownServers | None = None
    ) -> None:
        self._target = context.target
        self._context = context
        self._events = context.events
        self._options = context.options if isinstance(context.options, RtmpOptions) else RtmpOptions()
        try:
            self._address = urls.parse(context.target)
        except ValueError as error:
            raise MisconfiguredError(str(error), stage="resolve") from error
        self._bare = bare or BareServers()
        self._server = Acquaintance(context.target, self._address, shown or ShownServers())
        self._line: Line | None = None
        self._live: Line | None = None
        """The same, once the server has agreed."""
        self._base = 1 << 62
        """Bytes handed over before that."""
        self._closed = False
        self._redirects = 0
        self._complaints: frozenset[str] = NOTHING
        self._counts = _Counts()

    # --- connect and publish ----------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        if self._counts.connections or self._closed:
            raise NetworkError("this attempt has been used already", stage="connect")
        if self._target.insecure and self._address.secure:
            self._events.note("tls_insecure", "any certificate is accepted, because insecure is set")
        if odd := urls.no_application(self._target):
            self._events.note("no_application", odd)
        remembered = self._bare.needs_bare(self._address, _time.monotonic())
        announce = "none" if remembered else self._options.announce
        try:
            found = await self._connect_as(announce)
        except _Suspicion as suspicion:
            first = suspicion.error
        else:
            if remembered:
                self._bare.met(self._address, self._server.who)
            return found
        if remembered:
            self._bare.forget(self._address)
        if announce == "none" or not self._bare.worth_trying(self._address, _time.monotonic()):
            raise first
        return await self._connect_bare(first)

    async def _connect_bare(self, first: TransportError) -> Acceptance | None:
        """Once more without Enhanced RTMP's properties, which may have been what the server did not like."""
        what = "no answer to" if isinstance(first, Silent) else "the server did not take"
        self._events.note("bare_connect", f"{what} connect with Enhanced RTMP; trying once without")
        try:
            found = await self._connect_as("none")
        except _Suspicion as suspicion:
            self._bare.useless(self._address, _time.monotonic())
            # Words say more than a closed door.
            error = first if isinstance(first, RefusedError) else suspicion.error
        else:
            self._bare.helped(self._address, self._server.who, _time.monotonic())
            return found
        raise error

    async def _connect_as(self, announce: str) -> Acceptance | None:
        """Connect, with authentication if the server wants it. Raises `TransportError`, or `_Suspicion`."""
        auth = Authenticator(self._address.user, self._address.password, self._address.app)
        query = ""
        while True:
            self._counts.connections += 1
            try:
                answer = await self._connect_once(announce, query)
            except (Silent, UnexplainedRefusal) as error:
                if error.stage != answers.STAGES[State.CONNECTING]:
                    raise
                raise _Suspicion(error) from None
            if isinstance(answer, Connected):
                return self._server.introduced(answer, _time.monotonic())
            try:
                new_query = auth.answer(answer.description)
            except RefusedError as error:  # with the server's words in it
                raise RefusedError(self._target.words(str(error)), stage=error.stage) from None
            if new_query is not None and self._counts.connections < MAX_CONNECTIONS:
                query = new_query
                continue
            refusal = answers.refused(answer, self._target)
            url = reconnect.redirected(answer.info, self._address)
            if url is not None:
                self._redirect(url)
            if url is not None or new_query is not None or query or answer.code in _DECIDED:
                raise refusal
            raise _Suspicion(refusal)

    async def _connect_once(self, announce: str, query: str) -> Connected | Refused:
        """One TCP connection up to the answer to connect. Leaves nothing open unless it returns `Connected`."""
        target, address = self._target, self._address
        self._line = None
        sock = await connect(target, address.host, address.port, self._context.resolver)
        try:
            session = None
            if address.secure:
                settings = TlsSettings.of(target)
                session = await start_tls(sock, settings, address.host, target.connect_timeout, plain="rtmp")
                self._server.found(session.shown)
        except BaseException:
            sock.close()
            raise
        said = ClientSettings(
            connect=connect_object(self._options, address, announce=announce, query=query),
            key=address.key,
            chunk_size=self._options.chunk_size,
        )
        self._line = line = Line(sock, session, said, target, told=self._on_event, lost=self._lost)
        try:
            while True:
                event = await line.next_event()
                if isinstance(event, (Connected, Refused)):
                    break
        except BaseException:
            line.close()
            raise
        if isinstance(event, Refused):
            line.close()
        return event

    @property
    def findings(self) -> Sequence[str]:
        """See `contracts.TellsFindings`."""
        return self._server.findings

    async def publish(self, tracks: Sequence[Track]) -> None:
        line = self._line
        if line is None:
            raise RuntimeError("publish() before connect()")
        if line.error is not None:
            raise line.error
        line.client.publish()
        line.flush()
        while True:
            match await line.next_event():
                case Published(description):
                    if (why := self._server.began(description, tracks, _time.monotonic())) is not None:
                        line.close()
                        raise why
                    self._live, self._base = line, line.base
                    break
                case Refused() as refusal:
                    line.close()
                    raise answers.refused(refusal, self._target)

    # --- sending ----------------------------------------------------------------------------------------

    def send(self, unit: Unit, time: int) -> int | None:
        assert isinstance(unit, Tag)
        return self.send_tag(unit.type, time, unit.head, unit.body, unit.track)

    def send_tag(self, type: TagType, time: int, head: bytes, body: bytes, track: int = 0) -> int | None:
        """See `contracts.TakesTagParts`. `track`: of several, each on a chunk stream of its own."""
        stream, number = _LINES[type]
        if track:
            stream = chunk_stream_of(number, track)
        line = self._live
        if line is None:
            self._counts.tags_after_loss += 1
            return None
        size = len(head) + len(body)
        if size > line.largest or not size:
            if size > MAX_MESSAGE or not size:
                self._counts.tags_too_large += 1
                return line.wire.handed - self._base
            line.largest = size
        self._counts.tags_sent += 1
        client = line.client
        line.write(client.writer.message(stream, number, time, client.stream_id, head, body))
        return line.wire.handed - self._base

    @property
    def native_port(self) -> Port | None:
        """See `contracts.HasPort`."""
        return Port.of(self, self._live, self._counts) if self._live is not None else None

    @property
    def pending(self) -> int:
        return 0 if self._line is None else self._line.wire.pending

    @property
    def unsent(self) -> int:
        return 0 if self._line is None else self._line.wire.unsent

    @property
    def acked(self) -> int:
        return 0 if self._line is None else max(0, self._line.wire.acked - self._base)

    # --- what arrives -----------------------------------------------------------------------------------

    def _on_event(self, event: ClientEvent) -> None:
        """What nobody waits for."""
        if isinstance(event, ReconnectRequested):
            if reconnect.to_the_same(event.tc_url, self._address):
                self._drain(event)
            else:
                self._redirect(reconnect.requested(event.tc_url, self._address))
        elif isinstance(event, Complained):
            self._complain(event.words)
        elif isinstance(event, Refused) and self._line is not None:
            self._line.fail(answers.refused(event, self._target))

    def _complain(self, words: str) -> None:
        """Tell what a server says is wrong, each thing once."""
        if words not in self._complaints and len(self._complaints) < _MAX_COMPLAINTS:
            self._complaints |= {words}
            self._events.note("server_complains", f"the server goes on, but says: {self._target.words(words)}")

    def _drain(self, event: ReconnectRequested) -> None:
        """The server wants this connection to end and another to begin, as before it is shut down.

        Two of one name at a time would throw each other out, so it is not a move but an end, at once followed by a
        new beginning. The connection stays until `close`, which says goodbye.
        """
        words = self._target.words(event.description)
        error = NetworkError(f"the server asks to connect anew{f' ({words})' if words else ''}", stage="streaming")
        error.retry_after = 0.0
        if self._live is not None:
            self._live = None
            self._lost(error)
        elif self._line is not None:
            self._line.fail(error)

    def _redirect(self, url: str | None) -> None:
        self._redirects += 1
        if self._redirects > _MAX_REDIRECTS:
            return
        if url is None:
            self._events.note("redirect_refused", "the server asks to move to what is no RTMP address: not followed")
        elif self._target.shows(url):
            self._events.redirect(url)
        else:
            self._events.note(
                "redirect_refused", "the server redirects to an address that holds a secret: not followed"
            )

    def _lost(self, error: TransportError) -> None:
        if not self._closed:
            self._events.lost(error)

    # --- the end ----------------------------------------------------------------------------------------

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        line = self._line
        if line is None:
            return
        try:
            if line.wire.alive and line.client.state is State.LIVE:
                line.client.end()
                line.flush()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_DRAIN):
                        await line.wire.drained()
                    line.finish()
                    async with asyncio.timeout(CLOSE_LINGER):
                        await line.wire.ended()
        finally:
            line.close()

    def stats(self) -> Mapping[str, float]:
        counts = self._counts
        found: dict[str, float] = {
            "connections": counts.connections,
            "tags_sent": counts.tags_sent,
            "tags_too_large": counts.tags_too_large,
            "tags_after_loss": counts.tags_after_loss,
        }
        if self._line is not None:
            client = self._line.client
            found.update(self._line.figures)
            found.update(received_bytes=client.received, pings_answered=client.pings_answered)
        return found


class _Suspicion(Exception):
    """Connect failed in a way that may be due to what it announces."""

    def __init__(self, error: TransportError) -> None:
        super().__init__(str(error))
        self.error = error
