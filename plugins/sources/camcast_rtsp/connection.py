"""The RTSP connection: one socket on the loop, requests and their answers, and interleaved media parsed as it comes.

asyncio connects, writes and does TLS. Without TLS it never reads: the socket is read in `rounds.py`, together with
all other cameras'. With TLS the connection rests after each read, and takes all that has come meanwhile at once.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from camcast.contracts import Resolver
from camcast.errors import NetworkError, SourceError
from camcast.media import NS_PER_MS
from camcast.net.dial import dial

from .dialogue import Dialogue
from .interleave import Deinterleaver
from .limits import TURN, Meter, Offence
from .messages import Message, ProtocolError, Request, Response, encode_response
from .options import RtspOptions
from .rounds import REST, rounds
from .tls import (
    HANDSHAKE,
    demanded,
    encrypted,
    failed_in_tls,
    maybe_demanded,
    old_tls,
    only_old,
    tls_context,
    tls_reason,
)
from .tunnel import tunnel
from .url import RtspUrl

MAX_UNSENT = 64 * 1024
"""A camera that takes nothing of the few bytes we send is gone."""
GOODBYE = 0.5
"""Seconds that TEARDOWN may take."""
CLOSED = "the camera closed the connection"
MAX_READS = 4
"""In one round, from a camera that keeps filling the buffer."""
LAST_TURN = 50 * NS_PER_MS
"""For what has come when a connection is over."""
MAX_GIVEN_UP = 64
_INFORMS = ("ANNOUNCE", "REDIRECT", "TEARDOWN")
_ANSWERED = ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER", *_INFORMS)


class Connection(asyncio.BufferedProtocol):
    """One connection to a camera. `closed` is done when it is over, with the reason as its result."""

    def __init__(self, url: RtspUrl, dialogue: Dialogue, meter: Meter, options: RtspOptions | None = None) -> None:
        """`options`: what TLS is spoken by."""
        self.url = url
        self._tls = options if url.secure else None
        self._answered = False
        """The camera has said something."""
        self.dialogue = dialogue
        self._meter = meter
        self._rounds = rounds()
        self.incoming = Deinterleaver(self._message, None if url.secure else self._rounds.buffer)
        self.on_answer: Callable[[Response], None] = lambda response: None
        """Called before anything that follows the response on the wire is parsed."""
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.upload: asyncio.Transport | None = None
        """Where what we say goes, in base64, within HTTP; None = where the camera's words come from."""
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self.on_late: Callable[[str], object] = lambda method: None
        """Called with the method of a request that is answered when nobody waits for it any longer."""
        self._given_up: dict[int, str] = {}
        """Numbers and methods of such requests."""
        self.on_announce: Callable[[bytes], bool] = lambda description: True
        """Shown what the camera says of its media while it plays; whether that is what it said before."""
        self.asking = ""
        """The method that was asked last."""
        self._resting: asyncio.TimerHandle | None = None
        self._descriptor = -1
        """Of our socket while it is read in rounds. asyncio closes it after `connection_lost`, never before."""

    # --- asyncio ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if transport.get_extra_info("sslcontext") is None:
            transport.pause_reading()
            self._descriptor = transport.get_extra_info("socket").fileno()
            self._rounds.add(self._descriptor, self._read)

    def connection_lost(self, exc: Exception | None) -> None:
        # Writing can fail while there is still something to read.
        now = time.monotonic_ns()
        until = now + LAST_TURN
        while self._take(now, until) and time.monotonic_ns() < until:
            pass
        self._end(self._broke(exc) if exc else "the connection was closed")

    def _broke(self, error: Exception) -> str:
        if self._tls is not None and isinstance(error, OSError) and (said := demanded(error, self._tls)):
            # In TLS 1.3 a camera says so only when it has our half of the handshake.
            return said
        maybe = maybe_demanded(self._tls) if self._tls is not None and not self._answered else ""
        return f"the connection broke: {error}{maybe}"

    def _end(self, reason: str) -> None:
        if not self.closed.done():
            self.closed.set_result(reason)
        for future in self._waiting.values():
            if not future.done():
                future.cancel()
        if self._resting is not None:
            self._resting.cancel()
        if self._descriptor >= 0:
            self._rounds.remove(self._descriptor)
            self._descriptor = -1
        for transport in (self._transport, self.upload):
            if transport is not None:
                transport.abort()

    # --- reading in rounds --------------------------------------------------------------------------------

    def _read(self, now: int) -> bool:
        """Take what has come, for no longer than our turn; whether there is something left to take apart."""
        self._meter.enter()
        until = time.monotonic_ns() + TURN
        for _ in range(MAX_READS):
            if not self._take(now, until) or time.monotonic_ns() > until:
                break
        self._meter.leave()
        self._judge(now)
        return self._descriptor >= 0 and self.incoming.unfinished

    def _judge(self, now: int) -> None:
        try:
            self._meter.check(now)
        except Offence as offence:
            self._end(str(offence))

    def _take(self, now: int, until: int) -> bool:
        """Read what has come; whether there may be more."""
        if self._descriptor < 0:
            return False
        room = self.incoming.room()
        if self.incoming.unfinished:
            self._filled(0, now, until)
            return self._descriptor >= 0 and not self.incoming.unfinished
        try:
            count = os.readv(self._descriptor, (room,))
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(f"the connection broke: {error}")
            return False
        if not count:
            self._end(CLOSED)
            return False
        self._filled(count, now, until)
        return count == len(room)

    def _filled(self, count: int, now: int, until: int) -> None:
        try:
            self.incoming.filled(count, now, until)
        except ProtocolError as error:
            self._end(f"the peer does not speak RTSP: {error}")
        except Offence as offence:
            self._end(str(offence))
        except Exception as error:
            self._end(f"the connection broke: {error}")
            raise
        counts = self.incoming.counts
        if counts:
            self._meter.passed_over(counts["stray"], counts["unknown channel"])

    # --- reading from TLS ---------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.incoming.room()

    def buffer_updated(self, nbytes: int) -> None:
        now = time.monotonic_ns()
        self._meter.enter()
        self._filled(nbytes, now, now + TURN)
        self._meter.leave()
        self._judge(now)
        if self._resting is None and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._resting = self._loop.call_later(REST, self._resume)

    def _resume(self) -> None:
        self._resting = None
        if self._transport is None or self._transport.is_closing():
            return
        if self.incoming.unfinished:
            self.incoming.room()
            self.buffer_updated(0)
        else:
            self._transport.resume_reading()

    def eof_received(self) -> None:
        self._end(CLOSED)

    # --- messages -----------------------------------------------------------------------------------------

    def _message(self, message: Message) -> None:
        self._meter.messages += 1
        self._answered = True
        if isinstance(message, Request):
            self._asked(message)
            return
        if message.status < 200:
            # It says only that it is at it.
            return
        number = message.cseq
        if number in self._given_up:
            self.on_late(self._given_up.pop(number))
            return
        future = self._waiting.get(number)
        if future is None and len(self._waiting) == 1:
            # Some cameras forget the number, or count by themselves.
            self.dialogue.oddities.tell("its answers do not carry the number (CSeq) of the request")
            future = next(iter(self._waiting.values()))
        if future is not None and not future.done():
            self.on_answer(message)
            future.set_result(message)

    def _asked(self, request: Request) -> None:
        if request.method == "ANNOUNCE" and not self.on_announce(request.body):
            self._end(f"the camera has changed its stream ({request.method})")
            return
        if request.method in _INFORMS:
            # Its media decides: it goes on, or ends.
            self.dialogue.oddities.tell(f"it sends {request.method} while it plays")
        status, reason = (200, "OK") if request.method in _ANSWERED else (501, "Not Implemented")
        self.send(encode_response(status, reason, request.headers.get("cseq")))

    def send(self, data: bytes) -> None:
        """Bytes as they are. Never blocks; a peer that takes nothing ends the connection."""
        transport = self.upload or self._transport
        if transport is None or transport.is_closing():
            return
        if self.upload is not None:
            data = base64.b64encode(data)
        if transport.get_write_buffer_size() > MAX_UNSENT:
            self._end("the camera has stopped reading")
            return
        transport.write(data)

    def send_frame(self, channel: int, data: bytes) -> None:
        """One interleaved frame."""
        self.send(b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data)

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """Send a request, authenticated when the camera wants it; raises `SourceError`. No deadline of its own."""
        while True:
            try:
                number, data = self.dialogue.request(method, url, headers)
            except ValueError as error:
                raise SourceError(f"{self.url.shown}: {method} cannot be asked: {error}", fatal=True) from None
            response = await self._exchange(method, number, data)
            if not self.dialogue.again(method, response):
                return response

    async def _exchange(self, method: str, number: int, data: bytes) -> Response:
        future: asyncio.Future[Response] = self._loop.create_future()
        self._waiting[number] = future
        self.asking = method
        try:
            self.send(data)
            await asyncio.wait((future, self.closed), return_when=asyncio.FIRST_COMPLETED)
            if future.done() and not future.cancelled():
                return future.result()
            why = self.dialogue.scrub(self.closed.result())
            if self._tls is not None and not self._answered and self.closed.result() == CLOSED:
                why += maybe_demanded(self._tls)
            raise SourceError(f"{self.url.shown}: {why} (in answer to {method})")
        finally:
            del self._waiting[number]
            if not future.done() and len(self._given_up) < MAX_GIVEN_UP:
                self._given_up[number] = method

    async def goodbye(self, url: str) -> None:
        """TEARDOWN as far as it goes, then close."""
        if self.dialogue.session and not self.closed.done():
            with contextlib.suppress(SourceError, TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self.ask("TEARDOWN", url)
        self.close()

    def close(self) -> None:
        self._end("closed by us")

    def fail(self, reason: str) -> None:
        """End it for what the camera did elsewhere."""
        self._end(reason)

    @property
    def local(self) -> tuple[int, tuple[Any, ...]]:
        """Family and socket address of our end."""
        assert self._transport is not None
        sock = self._transport.get_extra_info("socket")
        return sock.family, sock.getsockname()

    @property
    def old_tls(self) -> str:
        """What it speaks, if that is old TLS; "" otherwise."""
        return old_tls(self._transport.get_extra_info("ssl_object")) if self._transport is not None else ""

    @property
    def peer(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("peername")[0])


async def connect(
    url: RtspUrl, dialogue: Dialogue, options: RtspOptions, resolver: Resolver | None, meter: Meter
) -> Connection:
    """Open a connection to the first of the host's addresses that answers; raises `SourceError`."""
    if options.transport == "http":
        return await _within_http(url, dialogue, options, resolver, meter)
    loop = asyncio.get_running_loop()
    context = tls_context(options) if url.secure else None
    where = await _reached(url, options, resolver)
    # Asked now: when a handshake has failed the socket is closed.
    host = where["host"] if "host" in where else _peer(where["sock"])
    # A zone is this machine's own affair.
    name = url.host.partition("%")[0]
    try:
        if context is not None:
            where = await encrypted(where, context, name, options.connect_timeout * HANDSHAKE)
        _, connection = await loop.create_connection(lambda: Connection(url, dialogue, meter, options), **where)
    except OSError as error:
        if context and host and failed_in_tls(error) and (spoken := await only_old(host, url.port, name, options)):
            raise SourceError(
                f"{url.shown}: cannot connect: it speaks only old TLS ({spoken}), which protects little; set "
                "legacy_tls to take it all the same"
            ) from None
        why = (demanded(error, options) if context else "") or _reason(error, url.secure)
        raise SourceError(f"{url.shown}: cannot connect: {why}") from None
    return connection


async def _within_http(
    url: RtspUrl, dialogue: Dialogue, options: RtspOptions, resolver: Resolver | None, meter: Meter
) -> Connection:
    if url.secure:
        raise SourceError(f"{url.shown}: transport http is for rtsp:// addresses: use rtsps:// without it", fatal=True)
    loop = asyncio.get_running_loop()

    async def reach() -> socket.socket:
        where = await _reached(url, options, resolver)
        if "sock" in where:
            found: socket.socket = where["sock"]
            return found
        addresses = await loop.getaddrinfo(where["host"], url.port, type=socket.SOCK_STREAM)
        return await dial(
            [(family, address) for family, *_, address in addresses], timeout=options.connect_timeout * HANDSHAKE
        )

    try:
        down, up = await tunnel(dialogue, options.user_agent, reach)
        upload, _ = await loop.create_connection(asyncio.Protocol, sock=up)
        _, connection = await loop.create_connection(lambda: Connection(url, dialogue, meter, options), sock=down)
    except NetworkError as error:
        raise SourceError(f"{url.shown}: {error}") from None
    except OSError as error:
        raise SourceError(f"{url.shown}: cannot connect: {_reason(error, False)}") from None
    connection.upload = upload
    return connection


async def _reached(url: RtspUrl, options: RtspOptions, resolver: Resolver | None) -> dict[str, Any]:
    """Where to connect, as asyncio wants it: a host and a port; or, of several addresses, a socket to the one that
    answers first, as one family may be dead. Raises `SourceError`."""
    if resolver is None:
        return {"host": url.host, "port": url.port}
    try:
        addresses = await resolver.resolve(url.host, url.port)
        if len(addresses) == 1:
            return {"host": numeric(addresses[0][1]), "port": url.port}
        return {"sock": await dial(addresses, timeout=options.connect_timeout * HANDSHAKE)}
    except NetworkError as error:
        raise SourceError(f"{url.shown}: {error}") from None


def _peer(sock: socket.socket) -> str:
    """The address that it is connected to; "" = it is no longer."""
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return ""


def numeric(address: tuple[Any, ...]) -> str:
    """A socket address's host, with the zone of a link-local one."""
    host = str(address[0])
    return f"{host}%{address[3]}" if len(address) > 3 and address[3] and "%" not in host else host


def _reason(error: OSError, secure: bool) -> str:
    match error:
        case ssl.SSLError():
            return tls_reason(error)
        case ConnectionResetError() | ConnectionAbortedError() if secure:
            return tls_reason(error)
        case ConnectionRefusedError():
            return "nothing listens on its port (connection refused)"
        case _:
            return error.strerror or str(error) or type(error).__name__
