"""Serves the figures: `GET /metrics`, in the form that the scraper asks for. Nothing is changed by it."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from camcast.errors import ServiceError
from camcast.services import ServiceContext
from camcast_prometheus.options import PrometheusOptions, split

if TYPE_CHECKING:
    from camcast_prometheus.pages import Pages

MOST_CONNECTIONS = 32
TEXT = "text/plain; charset=utf-8"

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Prometheus:
    """The service."""

    def __init__(self, context: ServiceContext) -> None:
        self._options: PrometheusOptions = context.options
        self._engine = context.engine
        self._note = context.note
        self._pages: Pages | None = None

    async def run(self) -> None:
        import uvicorn

        from camcast_prometheus.pages import Pages

        self._pages = Pages(self._engine)
        host, port = split(self._options.listen)
        sock = _listening(host, port)
        config = uvicorn.Config(
            self.answer,
            interface="asgi3",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        self._note("listening", f"/metrics is served at {self._options.listen}")
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=1.5)
            sock.close()

    async def answer(self, scope: Mapping[str, Any], receive: object, send: Send) -> None:
        """One request (ASGI)."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not self._knows(headers.get(b"host", b"")):
            await _say(send, 421, "this is not a name of the server; `hosts` in its options may know it\n")
        elif not self._may(headers.get(b"authorization", b"")):
            await _say(send, 401, "a token is needed\n", {"www-authenticate": "Bearer"})
        elif scope["path"] != "/metrics":
            await _say(send, 404, "the figures are at /metrics\n")
        elif scope["method"] not in ("GET", "HEAD"):
            await _say(send, 405, "GET it\n", {"allow": "GET, HEAD"})
        else:
            assert self._pages is not None
            kind, text = await self._pages.get(headers.get(b"accept", b"").decode("latin-1"))
            await _say(send, 200, text, {"content-type": kind})

    def _knows(self, host: bytes) -> bool:
        """A page in a browser may have been led here under a name of its own (DNS rebinding)."""
        options = self._options
        name = host.decode("latin-1").lower()
        name = name.partition("]")[0].strip("[") if name.startswith("[") else name.partition(":")[0]
        if name in {"localhost", *(one.lower() for one in options.hosts)} or (options.token and not options.hosts):
            return True
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return False
        return True  # an address is no name that somebody else could have given us

    def _may(self, authorization: bytes) -> bool:
        token = self._options.token
        return token is None or hmac.compare_digest(authorization, f"Bearer {token}".encode())


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(MOST_CONNECTIONS)
    except OSError as error:
        sock.close()
        raise ServiceError(f"cannot listen at {host}:{port}: {error.strerror}") from None
    return sock


async def _say(send: Send, status: int, text: str | bytes, headers: Mapping[str, str] | None = None) -> None:
    body = text.encode() if isinstance(text, str) else text
    said = {
        "content-type": TEXT,
        "x-content-type-options": "nosniff",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    lines = [(name.encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
