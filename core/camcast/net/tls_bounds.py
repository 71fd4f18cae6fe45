"""A peer's TLS within bounds, for asyncio's transports: OpenSSL gets a record at a time of what arrived, and no end of
those that are not for us.

Left to itself it reads on as long as what comes is not for the application (KeyUpdate, session tickets: RFC 8446 §4.6),
and asyncio hands it a quarter of a megabyte at once: a peer that sends nothing else would hold up all others. That is
so at either end, and at ours also for whoever connects, before he has said who he is.

Handshakes cost a signature, and an agreement of keys. As a client we take what the server chooses of that, and it may
cost 0.1 s of CPU (ffdhe8192): so the steps run on a thread, and asyncio gets a connection whose hands are shaken
(`shake_hands`). As a server we take the agreements that are cheap: P-256, which everybody has to know (RFC 8446 §9.1),
and X25519 or P-384 from those who offer nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, cast

from camcast.net.allowance import Allowance
from camcast.net.client_hello import P_256, P_384, X25519, offered_groups

T = TypeVar("T")

CIPHERS = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Python's own list without DHE; TLS 1.3 has its own ciphers. In finite-field Diffie-Hellman of TLS 1.2 the server
chooses the numbers, and a handshake with 8192 bits costs half a second of CPU [measured]. Browsers have long dropped
it."""

PIECE = 16 * 1024
MAX_IDLE, IDLE_RATE = 20 * 1024, 256
"""Bytes of records without a byte for us, whatever comes between them: at once, which is more than the largest record
(16 KiB and a little) and 0.1 s of KeyUpdates [measured], and a second for ever."""
IDLE_COST = 1e-6
"""CPU seconds of a byte of them: 0.5 to 5 microseconds by the machine [measured]. To measure each would cost as much as
to read it."""
MAX_HANDSHAKE = 128 * 1024
"""Bytes; with a long chain of certificates it is 10 KB."""
_BEFORE = "before its TLS handshake is done"
_GROUPS = {P_256: "prime256v1", X25519: "X25519", P_384: "secp384r1"}
"""What a server takes, the first that a client offers; a handshake costs 0.1 to 1 ms with them."""
_HEAD = 5
"""Bytes of a record before its content (RFC 8446 §5.1)."""
_WITH_EMPTY, _EMPTY = ("SSLv3", "TLSv1"), 64
"""Versions in which an honest peer may send an empty record before each other (a guard against BEAST, CVE-2011-3389),
and how many bytes that has at the most. OpenSSL takes no more than 32 in a row."""
_STRICT = 0x80000 | 0x20
"""OpenSSL's X509_V_FLAG_PARTIAL_CHAIN and X509_STRICT, which Python's own defaults have from 3.13 on."""


class BoundedContext(ssl.SSLContext):
    """Whose connections are `BoundedTls`. Those of one loop only: `spent` is counted without a lock."""

    spent = 0.0
    """CPU seconds that handshakes have taken so far, and records that brought nothing. A server signs in each
    handshake, for whoever asks: 1 ms with an RSA key of 2048 bits, 5 ms with 4096 [measured]. Whoever then sends as
    many KeyUpdates as he may costs it ten times as much."""
    _by_group: Mapping[int, ssl.SSLContext] = {}
    """A server's, for the groups of `_GROUPS`."""

    @classmethod
    def verifying(cls, ca_file: str | None = None) -> Self:
        """A client's: certificate and name are verified, by the authorities in a PEM file or the system's.

        Raises `OSError`.
        """
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made.set_ciphers(CIPHERS)
        if ca_file:
            made.load_verify_locations(ca_file)
        else:
            made.load_default_certs()
        if sys.version_info >= (3, 13):
            made.verify_flags |= _STRICT
        return made

    @classmethod
    def serving(cls, certificate: str, key: str | None = None) -> Self:
        """A server's, of TLS 1.2 and later; `certificate` and `key` are PEM files, the key without a passphrase.

        Raises `OSError`, `ValueError`.
        """
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made._by_group = {group: _serving(name, certificate, key) for group, name in _GROUPS.items()}
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        inner = ssl.MemoryBIO()
        tls: ssl.SSLObject | _Choosing
        if self._by_group:
            tls = _Choosing(self._by_group, inner, outgoing)
        else:
            tls = super().wrap_bio(inner, outgoing, server_side, server_hostname, session)
        return cast("ssl.SSLObject", BoundedTls(tls, incoming, inner, self))


def _serving(group: str, certificate: str, key: str | None) -> ssl.SSLContext:
    """A server's that takes this group alone."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    made.set_ecdh_curve(group)
    # Whoever connects could otherwise have us sign handshake after handshake within one connection.
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.load_cert_chain(certificate, key or None, password=_no_passphrase)
    return made


class _Choosing:
    """A server's `ssl.SSLObject`, made once the client has said which groups it offers."""

    def __init__(self, by_group: Mapping[int, ssl.SSLContext], inner: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._by_group, self._inner, self._outgoing = by_group, inner, outgoing
        self._tls: ssl.SSLObject | None = None
        self._arrived = b""

    def do_handshake(self) -> None:
        if self._tls is None:
            self._arrived += self._inner.read()
            offered = offered_groups(self._arrived)
            if offered is None:
                raise ssl.SSLWantReadError
            self._choose(offered)
        assert self._tls is not None
        self._tls.do_handshake()

    def _choose(self, offered: frozenset[int]) -> ssl.SSLObject:
        """The first group that is offered, or just the first: OpenSSL sends the client away itself."""
        group = next((one for one in self._by_group if one in offered), P_256)
        self._tls = self._by_group[group].wrap_bio(self._inner, self._outgoing, server_side=True)
        self._inner.write(self._arrived)
        return self._tls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls or self._choose(frozenset()), name)


async def shake_hands(context: ssl.SSLContext, sock: socket.socket, name: str | None) -> Shaken:
    """A client's handshake with the server `name`, on a connected, non-blocking socket that stays the caller's.

    Raises `OSError`, and `ValueError` for a name that is none.
    """
    inner, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inner, out, server_hostname=name)
    loop, received = asyncio.get_running_loop(), 0
    while True:
        try:
            done = await asyncio.to_thread(_step, tls)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                await loop.sock_sendall(sock, out.read())  # the alert
            raise
        await loop.sock_sendall(sock, out.read())
        if done:
            return Shaken(tls, inner, out)
        data = await loop.sock_recv(sock, PIECE)
        if not data:
            raise ConnectionResetError
        received += inner.write(data)
        if received > MAX_HANDSHAKE:
            raise _flood(MAX_HANDSHAKE, _BEFORE)


def _flood(most: int, what: str) -> ConnectionAbortedError:
    return ConnectionAbortedError(f"the other side sends over {most // 1024} KiB {what}")


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal, and hold everything up.
    raise ValueError("its key has a passphrase; give one without")


def _step(tls: ssl.SSLObject) -> bool:
    """Whether the handshake is done."""
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


class Shaken:
    """A connection whose hands are shaken. What came behind the handshake begins with a record, as OpenSSL reads no
    further ahead."""

    def __init__(self, tls: ssl.SSLObject, inner: ssl.MemoryBIO, out: ssl.MemoryBIO) -> None:
        self.tls = tls
        self._inner, self._out = inner, out

    @property
    def context(self) -> ssl.SSLContext:
        """What asyncio is given as its context, of which it asks no more than `wrap_bio`."""
        return cast("ssl.SSLContext", self)

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: object, **__: object) -> BoundedTls:
        incoming.write(self._inner.read())
        return BoundedTls(self.tls, incoming, self._inner, None, (self._out, outgoing))


class BoundedTls:
    """An `ssl.SSLObject`, as asyncio uses one. Raises `ConnectionAbortedError` for a flood."""

    def __init__(
        self,
        tls: ssl.SSLObject | _Choosing,
        arrived: ssl.MemoryBIO,
        inner: ssl.MemoryBIO,
        context: BoundedContext | None,
        going: tuple[ssl.MemoryBIO, ssl.MemoryBIO] | None = None,
    ) -> None:
        """`arrived`: what came, of which `inner`, OpenSSL's, gets a little at a time. `going`: what OpenSSL has to
        send, and where that is put; None = it puts it there itself."""
        self._tls, self._arrived, self._inner, self._context = tls, arrived, inner, context
        self._going = going
        self._head = b""
        self._left = 0
        """Bytes of the present record that OpenSSL has not got, as far as its head has come."""
        self._size = 0
        """Bytes of the present record, until it turns out to be for us."""
        self._handshake = 0
        self._idle = Allowance(MAX_IDLE, IDLE_RATE)

    def do_handshake(self) -> None:
        began = time.thread_time()
        try:
            while True:
                try:
                    self._tls.do_handshake()
                    return
                except ssl.SSLWantReadError:
                    taken = self._take()
                    if not taken:
                        raise
                    self._handshake += taken
                    if self._handshake > MAX_HANDSHAKE:
                        raise _flood(MAX_HANDSHAKE, _BEFORE) from None
        finally:
            self._size = 0
            self._pass_on()
            if self._context is not None:
                self._context.spent += time.thread_time() - began

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Bytes, or with a buffer how many of them were put there, as `ssl.SSLObject.read`."""
        into = (size,) if buffer is None else (size, buffer)
        got: Any = self._feeding(lambda: self._tls.read(*into), "of TLS that carry nothing")
        self._size = 0
        return got

    def write(self, data: Any) -> int:
        """As `ssl.SSLObject.write`."""
        written = self._tls.write(data)
        self._pass_on()
        return written

    def unwrap(self) -> None:
        """Say goodbye, and wait for the other side's. What it sends until then is for nobody."""
        self._feeding(self._tls.unwrap, "instead of an end")

    def _feeding(self, call: Callable[[], T], what: str) -> T:
        try:
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    if not self._left:
                        self._charge(what)
                    if not self._take():
                        raise
        finally:
            self._pass_on()

    def _charge(self, what: str) -> None:
        """The present record is over, and has brought nothing."""
        size, self._size = self._size, 0
        if not size or (size <= _EMPTY and self._tls.version() in _WITH_EMPTY):
            return
        if self._context is not None:
            self._context.spent += size * IDLE_COST
        if not self._idle.take(size, time.monotonic()):
            raise _flood(MAX_IDLE, what)

    def _take(self) -> int:
        """Give OpenSSL what has come of one record; how many bytes, 0 = nothing has."""
        head = b""
        if not self._left:
            self._head += self._arrived.read(_HEAD - len(self._head))
            if len(self._head) < _HEAD:
                return 0
            head, self._head = self._head, b""
            self._left, self._size = int.from_bytes(head[3:]), 0
        data = head + self._arrived.read(self._left)
        self._left -= len(data) - len(head)
        self._size += len(data)
        return self._inner.write(data)

    def _pass_on(self) -> None:
        if self._going is not None and self._going[0].pending:
            self._going[1].write(self._going[0].read())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)
