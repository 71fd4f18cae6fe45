"""Asking an HTTP server, by the rules that all connections here have: the target's TLS, binding, proxy and deadline.

Each request has a connection of its own, which ends with the answer: none is left open on which a server could go on
talking. Redirects are answers like others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from camcast.contracts import Resolver
from camcast.errors import MisconfiguredError, NetworkError
from camcast.net.dial import connect
from camcast.net.http_message import NO_ANSWER, Answer, AnswerReader, HttpError, request
from camcast.net.tls import TlsSettings, certificate_demanded, unsaid
from camcast.net.tls_session import TlsSession, start_tls
from camcast.target import Target

MAX_BODY = 64 * 1024
_OVERHEAD = 64 * 1024
"""Bytes of heads, chunks and TLS beside a body."""
_MAX_READS = 2000
_READ = 4 * 1024
_PORTS = {"http": 80, "https": 443}


class Unanswered(NetworkError):
    """The server was reached, and hung up or said nothing in time."""


async def ask(
    target: Target,
    method: str,
    url: str,
    resolver: Resolver,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    max_body: int = MAX_BODY,
    answer_within: float | None = None,
    plain: str = "http",
) -> Answer:
    """The answer to one request to `url` (http or https), by `target`'s settings for TLS and connecting.

    Looking up, connecting and TLS have `target.connect_timeout` seconds each, and so has the answer unless
    `answer_within` says otherwise. Raises `TransportError`; `Unanswered` when the server was reached and did not
    answer. `plain` is what unencrypted URLs are called in texts.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise MisconfiguredError("the URL is not valid; expected one like https://host/path", stage="connect")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        said = request(method, path, _authority(parts.hostname, parts.port), headers or {}, body)
    except ValueError as error:
        raise MisconfiguredError(str(error), stage="connect") from None
    within = target.connect_timeout if answer_within is None else answer_within
    unanswered = f"the server closed the connection instead of answering {method}"
    if parts.scheme == "https":
        unanswered += unsaid(TlsSettings.of(target))
    sock = await connect(target, parts.hostname, parts.port or _PORTS[parts.scheme], resolver)
    try:
        session = None
        if parts.scheme == "https":
            settings = TlsSettings.of(target)
            session = await start_tls(sock, settings, parts.hostname, target.connect_timeout, plain=plain)
        async with asyncio.timeout(within):
            answer = await _exchange(sock, session, said, AnswerReader(max_body), max_body + _OVERHEAD)
            if session is None:
                return answer
            return attrs.evolve(answer, certificate_expires=session.expires, tls=session.shown)
    except TimeoutError:
        raise Unanswered(f"no answer to {method} within {within:g} s") from None
    except ssl.SSLError as error:
        demanded = certificate_demanded(error, TlsSettings.of(target))
        raise demanded or NetworkError(f"TLS broke ({error.reason or type(error).__name__})", stage="tls") from None
    except OSError:
        raise Unanswered(unanswered) from None
    except HttpError as error:
        if str(error) == NO_ANSWER:
            raise Unanswered(unanswered) from None
        raise NetworkError(f"the answer to {method}: {error}") from None
    finally:
        sock.close()


async def _exchange(
    sock: socket.socket, session: TlsSession | None, said: bytes, reader: AnswerReader, most: int
) -> Answer:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, session.send(said) if session else said)
    received, data = 0, b""
    for _ in range(_MAX_READS):
        if session is None:
            plain, ended = data, False
        else:
            plain = session.receive(data)
            ended = session.ended
            if answer := session.outgoing():
                await loop.sock_sendall(sock, answer)
        if plain and (found := reader.feed(plain)):
            return found
        if ended:
            return reader.end()
        data = await loop.sock_recv(sock, _READ)
        if not data:
            return reader.end()
        received += len(data)
        if received > most:
            break
    raise HttpError("the server's answer goes on and on")


def _authority(host: str, port: int | None) -> str:
    try:
        literal = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = host if host.isascii() else host.encode("idna").decode()
    else:
        name = f"[{literal}]" if literal.version == 6 else host
    return name if port is None else f"{name}:{port}"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an http or https URL. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an http or https URL")
    return parts.scheme, parts.hostname.lower(), parts.port or _PORTS[parts.scheme]
