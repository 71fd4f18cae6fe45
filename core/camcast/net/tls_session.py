"""A client's end of TLS as a pure machine: bytes of the socket in → bytes of the peer out, and the other way.

Rules: OpenSSL never sees the socket. Left to itself it reads on for as long as what comes is not for the application
(KeyUpdate, session tickets: RFC 8446 §4.6), so a server that sends those without end would hold the loop for ever.
Here it gets what was read, and nothing else; how much is read is the wire's to bound. A handshake has a bound of its
own, and its steps run on a thread: a server may choose key agreements that cost 0.1 s of CPU (ffdhe8192) [measured].
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from camcast.daemons import Daemons
from camcast.errors import MisconfiguredError, NetworkError
from camcast.net.certificate import described
from camcast.net.tls import TlsSettings, check_pin, context, explained

MAX_HANDSHAKE = 128 * 1024
"""Bytes that a server may send until its handshake is done; with a long chain of certificates it is 10 KB."""
_READ = 16 * 1024
_DER = 2
"""OpenSSL's word for the binary form, `_ssl.ENCODING_DER`."""


def _name(host: str) -> str:
    """What the server is asked for, and its certificate has to be for: without the root's dot (RFC 6066 §3)."""
    return host.removesuffix(".")


class TlsSession:
    """One connection's TLS. Raises `ssl.SSLError` where the peer breaks it."""

    def __init__(self, settings: TlsSettings, host: str, tls: ssl.SSLContext) -> None:
        """`tls` is the settings' context. Raises `ValueError` for a host that has no name."""
        self.settings = settings
        self.ended = False
        """The peer has said that it will send no more."""
        self.expires: float | None = None
        """`time.time()` at which the peer's certificate expires; None where it is not verified, but pinned or taken."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.wrap_bio(self._in, self._out, server_hostname=_name(host))
        # What `ssl.SSLObject.write` calls and does nothing else, once a message.
        self._write: Callable[[bytes | memoryview], int] = getattr(
            getattr(self._tls, "_sslobj", None), "write", self._tls.write
        )

    @property
    def shown(self) -> str:
        """What it came to, for people: version and certificate."""
        parts = (self._tls.version() or "no TLS", described(self.presented))
        how = ("the pinned one" if self.settings.pin else "not verified") if not self.settings.verified else "verified"
        return f"{', '.join(filter(None, parts))}, {how}"

    @property
    def presented(self) -> bytes:
        """The certificate (DER) that the peer showed, whether it is right or not; b"" = none has come."""
        with contextlib.suppress(ValueError):
            return self._tls.getpeercert(binary_form=True) or b""
        # Of a handshake that failed only the chain is left, which Python before 3.13 keeps to itself.
        newer = getattr(self._tls, "get_unverified_chain", None)
        older = getattr(getattr(self._tls, "_sslobj", None), "get_unverified_chain", None)
        chain: Sequence[Any] = (newer or older or tuple)() or (b"",)
        return chain[0] if isinstance(chain[0], bytes) else bytes(chain[0].public_bytes(_DER))

    def shake_hands(self, data: bytes = b"") -> bool:
        """Take what arrived; True = done. `outgoing` has what to send, also when this raises (the alert)."""
        self._in.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        check_pin(self._tls.getpeercert(binary_form=True), self.settings)
        if (expires := (self._tls.getpeercert() or {}).get("notAfter")) is not None:
            self.expires = ssl.cert_time_to_seconds(str(expires))
        return True

    def outgoing(self) -> bytes:
        """What must be sent because of what arrived; b"" = nothing."""
        return self._out.read() if self._out.pending else b""

    def receive(self, data: bytes) -> bytes:
        """What the peer says in `data`, which may be nothing (b"") for now. `outgoing` may have something then."""
        if data:
            self._in.write(data)
        parts: list[bytes] = []
        while True:
            try:
                part = self._tls.read(_READ)
            except ssl.SSLWantReadError:
                break
            if not part:
                self.ended = True
                break
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def send(self, data: bytes) -> bytes:
        """The records that carry `data`, behind what else is to be sent."""
        size = len(data)
        sent = self._write(data)
        while sent < size:
            sent += self._write(memoryview(data)[sent:])
        return self._out.read()

    def goodbye(self) -> bytes:
        """The closing alert, which tells the peer that nothing was cut off."""
        with contextlib.suppress(ssl.SSLError):  # the peer's own alert has not come, and is not waited for
            self._tls.unwrap()
        return self.outgoing()


class _Reading:
    """Contexts whose files are read on threads of their own. On a mount whose server is gone that hangs: it would take
    the loop's own threads, which are few and hold up the program's end. One for the same settings, however often."""

    def __init__(self) -> None:
        self._threads = Daemons("camcast-tls", rest=0.1)
        self._lock = threading.Lock()
        self._running: dict[TlsSettings, Future[ssl.SSLContext]] = {}

    async def of(self, settings: TlsSettings) -> ssl.SSLContext:
        """As `context`."""
        with self._lock:
            running = self._running.get(settings)
            if running is None:
                running = Future()
                running.set_running_or_notify_cancel()  # whoever waits no longer ends it for nobody else
                self._threads.run(partial(self._read, settings, running))
                self._running[settings] = running
        return await asyncio.wrap_future(running)

    def _read(self, settings: TlsSettings, running: Future[ssl.SSLContext]) -> None:
        found: ssl.SSLContext | Exception
        try:
            found = context(settings)
        except Exception as error:  # noqa: BLE001  raised where it is waited for
            found = error
        with self._lock:
            del self._running[settings]
        if isinstance(found, Exception):
            running.set_exception(found)
        else:
            running.set_result(found)


_reading = _Reading()
"""Of the process, as the contexts are that `context` keeps."""


async def start_tls(sock: socket.socket, settings: TlsSettings, host: str, timeout: float, *, plain: str) -> TlsSession:
    """The handshake on a connected, non-blocking socket. Raises `TransportError`, and `MisconfiguredError` for files
    that cannot be used; the socket stays the caller's.

    `plain` is the scheme without TLS, for the error's text.
    """
    session: TlsSession | None = None
    try:
        async with asyncio.timeout(timeout):
            tls = await (_reading.of(settings) if settings.files else asyncio.to_thread(context, settings))
            session = TlsSession(settings, host, tls)
            await _shake_hands(sock, session)
    except TimeoutError as error:
        if session is None and settings.files:
            raise NetworkError(
                f"{' and '.join(settings.files)} cannot be read within {timeout:g} s: on a mount whose server is gone?",
                stage="tls",
            ) from error
        text = f"no TLS handshake within {timeout:g} s; if this port is not for TLS, {plain}:// is what is meant"
        raise NetworkError(text, stage="tls") from error
    except (OSError, ValueError) as error:
        certificate = session.presented if session is not None else b""
        raise explained(error, host, settings, plain=plain, certificate=certificate) from error
    return session


async def _shake_hands(sock: socket.socket, session: TlsSession) -> None:
    loop = asyncio.get_running_loop()
    received, data = 0, b""
    while True:
        try:
            done = await asyncio.to_thread(session.shake_hands, data)
        except (ssl.SSLError, MisconfiguredError):
            with contextlib.suppress(OSError):
                await loop.sock_sendall(sock, session.outgoing())
            raise
        await loop.sock_sendall(sock, session.outgoing())
        if done:
            return
        data = await loop.sock_recv(sock, _READ)
        received += len(data)
        if not data:
            raise ConnectionResetError
        if received > MAX_HANDSHAKE:
            raise NetworkError(f"the server sent over {MAX_HANDSHAKE} bytes without an end of the TLS handshake")
