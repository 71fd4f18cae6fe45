"""TLS for RTMPS: contexts, the handshake on a non-blocking socket, readable certificate errors, and the wire.

Rules: the certificate is verified and its name checked by default, with SNI. A pinned fingerprint replaces that: then
exactly this certificate is right. OpenSSL wants a write that it could not finish to be repeated with the same bytes,
so the tail keeps pieces and repeats them whole. A piece is as large as most frames, because each call costs, and no
larger, because what a piece has already sent is not seen until all of it is sent.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache

from camcast.errors import MisconfiguredError, NetworkError, RefusedError, TransportError
from camcast.target import Target
from camcast_rtmp.chunk import Buffers
from camcast_rtmp.wire import FLUSH_SIZE, MAX_TAIL, READ_SIZE, Wire

PIECE = 32 * 1024

_WHY = {
    9: "is not valid yet; check the clocks of both machines",
    10: "has expired",
    18: "is self-signed",
    19: "comes from an unknown certificate authority (self-signed chain)",
    20: "comes from an unknown certificate authority",
    21: "comes from an unknown certificate authority (incomplete chain)",
    23: "has been revoked",
    62: "is for another host name",
    64: "is for another address",
}
"""OpenSSL's X509_V_ERR numbers."""


def context_for(target: Target) -> ssl.SSLContext:
    """The TLS context for `target`, shared by all with the same settings. Raises `MisconfiguredError`."""
    trust = not target.insecure and target.fingerprint is None
    try:
        modified = os.stat(target.ca_file).st_mtime_ns if target.ca_file and trust else 0
        return _context(target.ca_file if trust else None, modified, trust)
    except (OSError, ssl.SSLError) as error:
        raise MisconfiguredError(f"ca_file {target.ca_file}: {error}", stage="tls") from error


@lru_cache(maxsize=16)
def _context(ca_file: str | None, modified: int, trust: bool) -> ssl.SSLContext:
    """Loading certificate authorities takes 10 ms and half a megabyte, too much for each attempt."""
    context = ssl.create_default_context(cafile=ca_file) if trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not trust:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def start_tls(sock: socket.socket, target: Target, host: str, timeout: float) -> ssl.SSLSocket:
    """Wrap a connected non-blocking socket. Takes the socket over, also on failure. Raises `TransportError`."""
    wrapped: ssl.SSLSocket | None = None
    try:
        wrapped = context_for(target).wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        async with asyncio.timeout(timeout):
            await _shake_hands(wrapped)
        _check_fingerprint(wrapped, target.fingerprint)
    except BaseException as error:
        (wrapped or sock).close()
        if isinstance(error, TimeoutError):
            raise NetworkError(f"no TLS handshake within {timeout:g} s", stage="tls") from error
        if isinstance(error, (OSError, ValueError)):
            raise _explained(error, host, target) from error
        raise
    return wrapped


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    loop = asyncio.get_running_loop()
    number = sock.fileno()
    while True:
        ready: asyncio.Future[None] = loop.create_future()
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            watch: Callable[..., object] = loop.add_reader
            unwatch: Callable[[int], object] = loop.remove_reader
        except ssl.SSLWantWriteError:
            watch, unwatch = loop.add_writer, loop.remove_writer
        watch(number, _wake, ready)
        try:
            await ready
        finally:
            unwatch(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _check_fingerprint(sock: ssl.SSLSocket, expected: str | None) -> None:
    if expected is None:
        return
    found = hashlib.sha256(sock.getpeercert(binary_form=True) or b"").hexdigest()
    if found != expected.replace(":", "").strip().lower():
        raise MisconfiguredError(
            f"the server's certificate is not the pinned one: expected SHA-256 {expected}, got {found}. "
            "If the server has a new certificate on purpose, put its fingerprint into the configuration",
            stage="tls",
        )


def _explained(error: OSError | ValueError, host: str, target: Target) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _WHY.get(error.verify_code, f"cannot be verified ({error.verify_message})")
        text = f"the certificate of {host} {why}"
        if error.verify_code in (18, 19, 20, 21):
            text += "; name its authority in ca_file, or pin the certificate with fingerprint"
        return RefusedError(text, stage="tls")
    if isinstance(error, ssl.SSLError):
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            return NetworkError("the server does not speak TLS on this port; rtmp:// may be what is meant", stage="tls")
        return NetworkError(f"TLS handshake failed: {target.scrub(error.reason or str(error))}", stage="tls")
    if isinstance(error, ValueError):
        return MisconfiguredError(f"TLS cannot use the host name {host!r}: {error}", stage="tls")
    return NetworkError("the server closed the connection during the TLS handshake", stage="tls")


class TlsWire(Wire):
    """The wire of an `ssl.SSLSocket` whose handshake is done."""

    def __init__(
        self, sock: ssl.SSLSocket, received: Callable[[bytes], None], lost: Callable[[OSError | None], None]
    ) -> None:
        super().__init__(sock, received, lost)
        self._tls = sock
        self._send = sock.send
        self._write_wants_read = False

    def write(self, buffers: Buffers) -> None:
        """One call where the message is small; larger ones in pieces."""
        message = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        size = len(message)
        self.handed += size
        if self._failed or self._closed:
            return
        if size <= PIECE and not self._tail:
            try:
                sent = self._send(message)
                if sent == size:
                    return
                message, size = message[sent:], size - sent
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass  # goes into the tail, whose flush meets the same answer again and deals with it
            except OSError as error:
                self._fail_soon(error)
                return
        view = memoryview(message)
        for start in range(0, size, PIECE):
            self._tail.append(view[start : start + PIECE])
        self.tail_bytes += size
        if self._writing or self._write_wants_read:
            if self.tail_bytes > MAX_TAIL:
                self._fail_soon(OSError(errno.ENOBUFS, f"{self.tail_bytes} bytes are waiting to be sent"))
            return
        try:
            self._flush()
        except OSError as error:
            self._fail_soon(error)
            return
        if self._tail and not self._write_wants_read:
            self._watch_writable()

    def _flush(self) -> None:
        tail, send = self._tail, self._send
        self._write_wants_read = False
        enough = self.tail_bytes - FLUSH_SIZE
        while tail and self.tail_bytes > enough:
            try:
                sent = send(tail[0])
            except ssl.SSLWantWriteError:
                return
            except ssl.SSLWantReadError:
                self._write_wants_read = True
                return
            self.tail_bytes -= sent
            if sent == len(tail[0]):
                tail.popleft()
            else:
                tail[0] = tail[0][sent:]

    def _readable(self) -> None:
        for _ in range(8):
            try:
                data = self._tls.recv(READ_SIZE)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self._fail(error)
                return
            if not data:
                self._fail(None)
                return
            self._received(data)
            if self._failed or self._closed:
                return
            if not self._tls.pending():
                break
        if self._write_wants_read:
            self._watch_writable()

    def _writable(self) -> None:
        super()._writable()
        if self._write_wants_read and self._writing:
            self._writing = False
            self._loop.remove_writer(self._socket.fileno())

    def finish(self) -> None:
        """Send the closing alert, which is what tells the peer that nothing was cut off."""
        if self.alive:
            try:
                self._tls.unwrap()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except (OSError, ValueError):
                self._failed = True
                self._unwatch()
