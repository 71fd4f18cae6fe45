"""Serves the figures: `GET /metrics`, in the form that the scraper asks for. Nothing is changed by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from camcast.services import ServiceContext
from camcast_kit_http.asked import bearer, knows, same
from camcast_prometheus.options import PrometheusOptions, split

if TYPE_CHECKING:
    from camcast_kit_http.guesses import Guesses
    from camcast_prometheus.pages import Pages

MOST_CONNECTIONS = 32
TEXT = "text/plain; charset=utf-8"

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Prometheus:
    """The service."""

    def __init__(self, context: ServiceContext) -> None:
        self._options: PrometheusOptions = context.options
        self._engine = context.engine
        self._note = context.note
        self._pages: Pages | None = None
        self._guesses: Guesses | None = None

    async def run(self) -> None:
        from camcast_kit_http.guesses import Guesses
        from camcast_kit_http.listening import listen
        from camcast_kit_http.server import Server
        from camcast_prometheus.pages import Pages

        self._pages = Pages(self._engine)
        self._guesses = Guesses(lambda who: self._note("token_refused", f"a wrong token came from {who}"))
        sock = listen(*split(self._options.listen))
        self._note("listening", f"/metrics is served at {self._options.listen}")
        await Server(self.answer, connections=MOST_CONNECTIONS).run_on(sock)

    async def answer(self, scope: MutableMapping[str, Any], receive: object, send: Send) -> None:
        """One request (ASGI)."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not self._knows(headers.get(b"host", b"")):
            await _say(send, 421, "this is not a name of the server; `hosts` in its options may know it\n")
        elif not self._may(headers.get(b"authorization", b"")):
            await self._refuse(scope, send)
        elif scope["path"] != "/metrics":
            await _say(send, 404, "the figures are at /metrics\n")
        elif scope["method"] not in ("GET", "HEAD"):
            await _say(send, 405, "GET it\n", {"allow": "GET, HEAD"})
        else:
            assert self._pages is not None
            kind, text = await self._pages.get(headers.get(b"accept", b"").decode("latin-1"))
            await _say(send, 200, text, {"content-type": kind})

    def _knows(self, host: bytes) -> bool:
        """With a token and no names nobody needs to be kept out by a name."""
        options = self._options
        try:
            return bool(options.token and not options.hosts) or knows(host.decode("latin-1"), options.hosts)
        except ValueError:
            return False

    async def _refuse(self, scope: MutableMapping[str, Any], send: Send) -> None:
        """Whoever brings none is told at once; whoever brings a wrong one may be guessing."""
        from camcast_kit_http.problem import Problem

        assert self._guesses is not None
        try:
            if any(name.lower() == b"authorization" for name, _ in scope["headers"]):
                await self._guesses.refuse(scope)
        except Problem as problem:
            await _say(send, problem.status, f"{problem.detail}\n", problem.headers)
        else:
            await _say(send, 401, "a token is needed\n", {"www-authenticate": "Bearer"})

    def _may(self, authorization: bytes) -> bool:
        token = self._options.token
        return token is None or same(bearer(authorization.decode("latin-1")) or "", token)


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
