"""Who may do what, decided before anything else is looked at. An ASGI application around the interface.

No cookies are used or set, so a browser brings nothing of its own along. A page of somebody else's is refused by its
Origin, a name that was pointed at this machine (DNS rebinding) by the Host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import IntEnum
from urllib.parse import urlsplit

import attrs
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from camcast_http.fixed import START, below
from camcast_http.problems import Problem
from camcast_kit_http.asked import bearer, knows, same
from camcast_kit_http.body import read_body
from camcast_kit_http.guesses import Guesses

MAX_BODY = 1024 * 1024
JSON = "application/json"
SAFE = ("GET", "HEAD")
WATCHING = re.compile(r"/api/v1/sessions/[^/]+/[^/]+/[^/]+/watch(/[^/]+)?")
"""Looking at a stream, which is a POST and changes nothing."""
FILES = "/page/"
"""The page and what it is made of, which hold nothing of the engine's."""
OPEN = ("/healthz", "/readyz", START)
"""What anybody may ask who can connect, besides the page's files."""
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Right(IntEnum):
    """What a caller may do."""

    NOTHING = 0
    READ = 1
    CHANGE = 2


@attrs.frozen(kw_only=True)
class Policy:
    """Who may do what."""

    token: str = attrs.field(default="", repr=False)
    change_token: str = attrs.field(default="", repr=False)
    hosts: Sequence[str] = ()
    everything: bool = False
    """Whoever can connect may do everything: the socket's file says who can."""

    def right(self, authorization: str | None) -> Right:
        """What this Authorization header (RFC 6750) allows. Takes as long for a token that is nearly right."""
        if self.everything:
            return Right.CHANGE
        if authorization is None:
            return Right.NOTHING if self.token else Right.READ
        given = bearer(authorization)
        if given is None:
            return Right.NOTHING
        change, read = same(given, self.change_token), same(given, self.token)
        return Right.CHANGE if change else Right.READ if read else Right.NOTHING

    def knows(self, host: str) -> bool:
        """Whether a Host header is one of ours. An address cannot be pointed anywhere else."""
        return self.everything or knows(host, self.hosts)


class Access:
    """Refuses what may not be; hands the rest on, its body bounded in size and time."""

    def __init__(self, app: ASGIApp, policy: Policy, refused: Callable[[str], object] = lambda who: None) -> None:
        """`refused` is told of each wrong token, with who gave it."""
        self._app = app
        self._policy = policy
        self._guesses = Guesses(refused)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        send = _with_headers(send)
        try:
            await self._check(scope)
            body = (
                await read_body(Headers(scope=scope), receive, JSON, MAX_BODY) if scope["method"] not in SAFE else b""
            )
        except Problem as problem:
            return await problem.response()(scope, receive, send)
        return await self._app(scope, _replayed(body, receive), send)

    async def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), below(scope)
        host = headers.get("host", "")
        try:
            known, origin = self._policy.knows(host), urlsplit(headers.get("origin", "")).netloc
        except ValueError:
            raise Problem(400, "expected a Host and an Origin that are addresses, got other text") from None
        if not known:
            raise Problem(421, "this name is none of this server's: ask for its address, or add the name to `hosts`")
        if "origin" in headers and origin != host:
            raise Problem(403, "a page of another origin may not ask here")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and path != START:
            raise Problem(403, "a page of another site may not ask here")
        if path in OPEN or path.startswith(FILES):
            return
        given = headers.get("authorization")
        looks = scope["method"] in SAFE or WATCHING.fullmatch(path)
        right, needed = self._policy.right(given), Right.READ if looks else Right.CHANGE
        if right >= needed:
            return
        if given is not None and right is Right.NOTHING:
            await self._guesses.refuse(scope)
        if needed is Right.CHANGE and not self._policy.change_token:
            raise Problem(403, "nothing can be changed here: that needs `change_token` in the configuration")
        status = 403 if right is Right.READ and given is not None else 401
        what = "changing needs the change_token" if needed is Right.CHANGE else "reading needs the token"
        raise Problem(status, f"{what}, as Authorization: Bearer", headers={"www-authenticate": "Bearer"})


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that has been read, then what follows it: the end of the connection."""
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


def _with_headers(send: Send) -> Send:
    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            names = {name for name, _ in own}
            message = {**message, "headers": [*own, *(header for header in HEADERS if header[0] not in names)]}
        await send(message)

    return write
