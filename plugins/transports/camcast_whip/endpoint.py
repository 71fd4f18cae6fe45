"""The HTTP side (RFC 9725 §4): OPTIONS for ICE servers, POST of the offer, DELETE at the end.

Rules: the token goes to the configured origin only, whatever a redirect or a Location says. A redirect within the
origin is followed, at most `MAX_HOPS` times; to another one the session is asked; from https to http never. Bodies
are read up to `MAX_BODY`, with or without a Content-Length, and never decompressed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from camcast.errors import (
    BusyError,
    MisconfiguredError,
    NetworkError,
    RefusedError,
    TransportError,
)
from camcast.target import Target
from camcast_whip.errors import Moved
from camcast_whip.links import ice_servers
from camcast_whip.options import IceServer, Place
from camcast_whip.tls import tls_for

MAX_BODY = 64 * 1024
MAX_HOPS = 5
DELETE_TIMEOUT = 1.0
_SHOWN_WORDS = 200
_FOLLOWED = (301, 302, 307, 308)
_SDP = "application/sdp"


@attrs.frozen
class Opened:
    """The server's 201."""

    answer: str = attrs.field(repr=False)
    has_session_url: bool
    ice_servers: tuple[IceServer, ...]


@attrs.frozen
class _Reply:
    status: int
    headers: Any
    body: bytes
    url: URL = attrs.field(repr=False)

    @property
    def links(self) -> tuple[IceServer, ...]:
        return ice_servers(self.headers.getall("Link", ()))

    @property
    def kind(self) -> str:
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


class Endpoint:
    """One WHIP endpoint, and the session on it. `addresses` are what the engine's resolver found for the host."""

    def __init__(self, place: Place, target: Target, addresses: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        self._place = place
        self._target = target
        try:
            self._url = URL(place.url, encoded=True)
            self._origin = _origin(self._url)
        except ValueError:
            raise MisconfiguredError("the URL is not valid; expected one like whips://host/path") from None
        self._session_url: URL | None = None
        connector = aiohttp.TCPConnector(
            resolver=_Known(place.host, addresses),
            ssl=tls_for(target) if place.secure else True,
            local_addr=(target.bind, 0) if target.bind else None,
            limit=4,
            happy_eyeballs_delay=0.25,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=target.connect_timeout),
            headers={"Accept-Encoding": "identity", "User-Agent": "camcast"},
        )

    async def options(self) -> tuple[IceServer, ...]:
        """The ICE servers that the endpoint names before it is asked; none if it has no such answer.

        Raises `TransportError` when it cannot be reached at all.
        """
        reply = await self._ask("OPTIONS", self._url, stage="connect")
        return reply.links if 200 <= reply.status < 300 else ()

    async def publish(self, offer: str) -> Opened:
        """POST the offer; raises `TransportError` for all but an answer."""
        url = self._url
        for _ in range(MAX_HOPS):
            reply = await self._ask(
                "POST", url, body=offer.encode(), headers={"Content-Type": _SDP, "Accept": _SDP}, stage="publish"
            )
            if reply.status not in _FOLLOWED:
                return self._opened(reply)
            url = self._redirected(reply)
        raise NetworkError(f"the server sent more than {MAX_HOPS} redirects in a row", stage="publish")

    async def delete(self) -> None:
        """End the session at the server, if there is one. Never raises for the network."""
        url, self._session_url = self._session_url, None
        if url is not None:
            try:
                async with asyncio.timeout(DELETE_TIMEOUT):
                    await self._ask("DELETE", url, stage="close")
            except (TransportError, TimeoutError):
                pass  # the server notices by itself, a little later

    async def close(self) -> None:
        await self._http.close()

    # --- inside -------------------------------------------------------------------------------------------

    async def _ask(
        self, method: str, url: URL, *, body: bytes | None = None, headers: dict[str, str] | None = None, stage: str
    ) -> _Reply:
        headers = dict(headers or {})
        if self._place.token is not None and _origin(url) == self._origin:
            headers["Authorization"] = f"Bearer {self._place.token}"
        try:
            async with self._http.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
                return _Reply(response.status, response.headers, await _body(response), url)
        except TransportError:
            raise
        except Exception as error:
            explained = self._explained(error, method, stage)
            if explained is None:
                raise
            raise explained from None  # the chain's texts hold the URL

    def _opened(self, reply: _Reply) -> Opened:
        if reply.status not in (200, 201):
            raise self._refusal(reply)
        location = str(reply.headers.get("Location", ""))
        if location:
            self._session_url = self._session(reply.url, location)
        if reply.kind != _SDP:
            raise RefusedError(
                f"the server answered {reply.status} with {reply.kind[:80] or 'no content type'}, "
                f"expected {_SDP}: this is no WHIP endpoint",
                stage="publish",
            )
        try:
            answer = reply.body.decode()
        except UnicodeDecodeError:
            raise RefusedError("the answer is no text", stage="publish") from None
        return Opened(answer, self._session_url is not None, reply.links)

    def _session(self, base: URL, location: str) -> URL | None:
        """Where the session can be ended; None for what must not or cannot be followed."""
        try:
            url = base.join(URL(location, encoded=True))
            scheme, host, _ = _origin(url)
        except ValueError:
            return None
        allowed = ("https",) if base.scheme == "https" else ("http", "https")
        return url if scheme in allowed and host else None

    def _redirected(self, reply: _Reply) -> URL:
        location = str(reply.headers.get("Location", ""))
        url = self._session(reply.url, location) if location else None
        if url is None:
            raise NetworkError(
                f"the server redirects ({reply.status}) to nowhere, or from https to http: not followed",
                stage="publish",
            )
        if _origin(url) != self._origin:
            raise Moved(f"the server redirects ({reply.status}) to another origin", str(url))
        return url

    def _refusal(self, reply: _Reply) -> TransportError:
        status = reply.status
        words = self._words(reply)
        said = f" ({words})" if words else ""
        if status in (401, 403):
            why = "the token is wrong" if self._place.token is not None else 'it wants a token: set "options.token"'
            return RefusedError(f"the server refused ({status}): {why} or may not publish here{said}", stage="publish")
        if status in (404, 405, 410):
            return RefusedError(f"there is no WHIP endpoint ({status}): check the path{said}", stage="publish")
        if status == 409:
            return BusyError(f"the name is being published already (409){said}", stage="publish")
        if status == 429 or status >= 500:
            return NetworkError(f"the server cannot take the stream now ({status}){said}", stage="publish")
        if 400 <= status < 500:
            return RefusedError(f"the server refused the offer ({status}){said}", stage="publish")
        return NetworkError(f"the server answered {status}, expected 201 Created{said}", stage="publish")

    def _words(self, reply: _Reply) -> str:
        """What the server says, fit to be shown."""
        if reply.kind not in ("text/plain", "application/json", "application/problem+json"):
            return ""
        text = " ".join(reply.body[: 4 * _SHOWN_WORDS].decode(errors="replace").split())
        text = "".join(sign if sign.isprintable() else "?" for sign in text)
        text = self._target.scrub(text)
        if self._place.token:
            text = text.replace(self._place.token, "***")
        return text[:_SHOWN_WORDS]

    def _explained(self, error: Exception, method: str, stage: str) -> TransportError | None:
        host = self._place.host
        if isinstance(error, aiohttp.ServerFingerprintMismatch):
            return MisconfiguredError(
                f"the certificate of {host} is not the pinned one: expected SHA-256 {error.expected.hex()}, got "
                f"{error.got.hex()}. If the server has a new certificate on purpose, put its fingerprint into the "
                "configuration",
                stage="tls",
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            cause = error.certificate_error
            why = getattr(cause, "verify_message", "") or type(cause).__name__
            return RefusedError(
                f"the certificate of {host} cannot be verified ({why}); name its authority in ca_file, or pin it with "
                "fingerprint",
                stage="tls",
            )
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
            return NetworkError(f"{host} does not speak TLS as expected; whip:// may be what is meant", stage="tls")
        if isinstance(error, TimeoutError):
            return NetworkError(f"no answer to {method} in time", stage=stage)
        if isinstance(error, aiohttp.ClientConnectorError):
            where = f"{host}:{self._place.port}"
            return NetworkError(f"cannot connect to {where}: {_reason(error.os_error)}", stage="connect")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return NetworkError(f"the server closed the connection instead of answering {method}", stage=stage)
        if isinstance(error, aiohttp.InvalidURL | ValueError):
            return MisconfiguredError("the URL is not valid", stage=stage)
        if isinstance(error, aiohttp.ClientError | OSError):
            return NetworkError(f"{type(error).__name__} in the answer to {method}", stage=stage)
        return None


class _Known(AbstractResolver):
    """Hands out the addresses that the engine's resolver found. A session URL elsewhere is looked up by the system."""

    def __init__(self, host: str, addresses: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        self._host = host.lower()
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = self._addresses
        if host.lower() != self._host:
            entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = [(entry[0], entry[4]) for entry in entries]
        return [
            ResolveResult(
                hostname=host,
                host=address[0],
                port=port,
                family=family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for family, address in found
        ]

    async def close(self) -> None:
        pass


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await response.content.read(MAX_BODY):
        size += len(part)
        if size > MAX_BODY:
            raise NetworkError(f"the server's answer is longer than {MAX_BODY} bytes", stage="publish")
        parts.append(part)
    return b"".join(parts)


def _origin(url: URL) -> tuple[str, str, int]:
    return url.scheme.lower(), (url.host or "").lower(), url.port or 0


def _reason(error: OSError) -> str:
    if error.errno is None:
        return str(error)
    return os.strerror(error.errno)
