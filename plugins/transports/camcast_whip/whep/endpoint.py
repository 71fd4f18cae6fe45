"""The HTTP side of WHEP (draft-ietf-wish-whep-03): who may ask for what, before anything of it is read.

An ASGI application for one door. `POST /path` brings an offer and is answered with the session's place; `PATCH` there
brings candidates, `DELETE` ends it. Rules, as for the HTTP interface: a name that was pointed at this machine (DNS
rebinding) is refused by its Host, a page of somebody else's by its Origin unless the output names it; no cookies. A
preflight (Fetch, CORS) brings no token and tells nothing of what is on the air. Which paths there are is told to nobody
without a token, where any output behind the door has one: what is not there is answered as what is.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import attrs
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from camcast_kit_http.asked import bearer, knows, same
from camcast_kit_http.body import read_body
from camcast_kit_http.guesses import Guesses
from camcast_kit_http.problem import Problem
from camcast_kit_http.whep import FRAGMENT, MAX_OFFER, SDP
from camcast_kit_ingest.refusals import Refusals
from camcast_whip.options import IceServer
from camcast_whip.whep import refusals
from camcast_whip.whep.audience import RETRY_AFTER, Audience
from camcast_whip.whep.figures import Figures
from camcast_whip.whep.options import WhepOptions

AT_PATH, AT_SESSION = "GET, HEAD, OPTIONS, POST", "DELETE, GET, HEAD, OPTIONS, PATCH"
ANYWHERE = "DELETE, GET, HEAD, OPTIONS, PATCH, POST"
"""What a preflight is told, whichever path it is for: it knows no token, and need not know which paths there are."""
OTHER_ORIGIN = "a page of another origin may not watch: add it to `origins` of the output's options"
PREFLIGHT_FOR = "600"
"""Seconds for which a browser need not ask again."""
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


@attrs.define(eq=False)
class Stage:
    """One output behind a door."""

    options: WhepOptions
    figures: Figures
    lost: Callable[[str], None]
    """Tells the output that nobody can come any more, and why."""
    refusals: Refusals
    """Counts those who may not watch, and tells of them."""
    audience: Audience | None = None
    """None: it is about to go on the air."""

    def refuse(self, reason: str) -> None:
        """Somebody may not watch, for a reason of `refusals`."""
        self.figures.refused(reason)
        self.refusals.add(reason)


class Endpoint:
    """Of one door. `stages` are by path."""

    def __init__(self, scheme: str) -> None:
        self.stages: dict[str, Stage] = {}
        self._scheme = scheme
        self._guesses = Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        response: ASGIApp
        allowed = ""
        try:
            stage, path, key = self._found(scope["path"])
            self._check_host(headers)
            allowed = self._origin(headers, stage)
            response = await self._answer(scope, headers, receive, stage, path, key)
        except Problem as problem:
            response = problem.response()
        await response(scope, receive, _with_headers(send, allowed))

    def _found(self, path: str) -> tuple[Stage | None, str, str]:
        """What is at a path, and which session of it is meant ("" = none)."""
        if path in self.stages:
            return self.stages[path], path, ""
        above, _, key = path.rpartition("/")
        return self.stages.get(above), above, key

    def _check_host(self, headers: Headers) -> None:
        names = [name for stage in self.stages.values() for name in stage.options.hosts]
        try:
            known = knows(headers.get("host", ""), names)
        except ValueError:
            raise Problem(400, "expected a Host that is an address, got other text") from None
        if not known:
            raise Problem(421, "this name is none of this server's: ask for its address, or add the name to `hosts`")

    def _origin(self, headers: Headers, stage: Stage | None) -> str:
        """The origin whose page asks and may, at whichever path; "" where none is said. Raises `Problem`."""
        origin = headers.get("origin", "")
        try:
            known = any(self._may(headers, stage) for stage in (None, *self.stages.values()))
        except ValueError:
            raise Problem(400, "expected an Origin that is an address, got other text") from None
        if not known:
            if stage is not None:
                stage.refuse(refusals.ORIGIN)
            raise Problem(403, OTHER_ORIGIN)
        return origin

    def _may(self, headers: Headers, stage: Stage | None) -> bool:
        """Whether the page that asks, if one does, may watch there. Raises `ValueError` for an origin that is none."""
        origin = headers.get("origin", "")
        if not origin or (urlsplit(origin).netloc == headers.get("host") and urlsplit(origin).scheme == self._scheme):
            return True
        origins = stage.options.origins if stage is not None else ()
        return origin in origins or "*" in origins

    async def _answer(
        self, scope: Scope, headers: Headers, receive: Receive, stage: Stage | None, path: str, key: str
    ) -> ASGIApp:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(headers=_preflight(headers))
        await self._check_token(scope, headers, stage)
        if stage is None:
            raise Problem(404, "no stream is watched at this path")
        if not self._may(headers, stage):
            stage.refuse(refusals.ORIGIN)
            raise Problem(403, OTHER_ORIGIN)
        allow = AT_SESSION if key else AT_PATH
        if method not in allow.split(", "):
            raise Problem(405, f"expected {allow}", headers={"allow": allow})
        audience = stage.audience
        if key and (audience is None or not audience.knows(key)):
            raise Problem(404, "there is no such session, or it has ended")
        if method in ("GET", "HEAD"):
            return Response(status_code=204)
        if audience is None:
            raise Problem(409, "the stream is not on the air yet", headers={"retry-after": RETRY_AFTER})
        if method == "POST":
            return await self._opened(scope, headers, receive, audience, stage.options, path)
        if method == "PATCH":
            fragment = await read_body(headers, receive, FRAGMENT, MAX_OFFER)
            await audience.learn(key, _text(fragment))
            return Response(status_code=204)
        await audience.dismiss(key)
        return Response(status_code=200)

    async def _opened(
        self,
        scope: Scope,
        headers: Headers,
        receive: Receive,
        audience: Audience,
        options: WhepOptions,
        path: str,
    ) -> Response:
        offer = await read_body(headers, receive, SDP, MAX_OFFER)
        client = (scope.get("client") or ("127.0.0.1", 0))[0]
        key, answer = await audience.admit(_text(offer), client)
        response = Response(answer, status_code=201, media_type=SDP)
        response.headers["location"] = f"{path}/{key}"
        # Another one for each ICE session; there is but one, as restarts are not supported.
        response.headers["etag"] = f'"{key}"'
        for server in options.ice_servers:
            response.headers.append("link", _link(server))
        return response

    async def _check_token(self, scope: Scope, headers: Headers, stage: Stage | None) -> None:
        """Raises `Problem` for whoever lacks that of `stage`; where there is none, any of this door's."""
        there = [stage] if stage is not None else [one for one in self.stages.values() if one.options.token]
        tokens = [one.options.token for one in there]
        given = headers.get("authorization")
        brought = bearer(given) or "" if given is not None else ""
        right = [same(brought, token or "") for token in tokens]  # all of them, so that the time tells nothing
        if any(right) or not any(tokens):
            return
        if stage is not None:
            stage.refuse(refusals.NO_TOKEN if given is None else refusals.TOKEN)
        if given is not None:
            await self._guesses.refuse(scope)
        raise Problem(401, "watching needs the token, as Authorization: Bearer", headers={"www-authenticate": "Bearer"})


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "expected text, got other bytes") from None


def _preflight(headers: Headers) -> dict[str, str]:
    found = {"accept-post": SDP, "accept-patch": FRAGMENT, "allow": ANYWHERE}
    if "access-control-request-method" in headers:
        found |= {
            "access-control-allow-methods": ANYWHERE,
            "access-control-allow-headers": "authorization, content-type, if-match",
            "access-control-max-age": PREFLIGHT_FOR,
        }
    return found


def _link(server: IceServer) -> str:
    """As RFC 9725 §4.6 writes it."""
    link = f'<{server.url}>; rel="ice-server"'
    if server.username is not None:
        link += f"; username={_quoted(server.username)}"
    if server.credential is not None:
        link += f'; credential={_quoted(server.credential)}; credential-type="password"'
    return link


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _with_headers(send: Send, origin: str) -> Send:
    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = list(HEADERS)
            if origin:
                more += [
                    (b"access-control-allow-origin", origin.encode("latin-1", "replace")),
                    (b"access-control-expose-headers", b"location, link, etag, accept-patch, retry-after"),
                    (b"vary", b"origin"),
                ]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return write
