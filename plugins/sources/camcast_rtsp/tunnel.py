"""RTSP within HTTP, as QuickTime's servers began it and many cameras offer at their web port: what the camera sends
answers a GET that never ends, what we say is the body of a POST, in base64. Both carry one cookie, which joins them.

Only the URL's own port is asked. Nothing is read of what answers the POST: most say nothing, and none is waited for.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable

from camcast.errors import SourceError

from .dialogue import Dialogue
from .messages import ProtocolError, Response, parse_head
from .numbers import whole

MAX_LOGINS = 6
"""Times that GET is asked, with another way to log in each."""
LENGTH = 32_767
"""Bytes that the POST is said to have, by custom; nobody counts."""
_TYPE = "application/x-rtsp-tunnelled"
_READ = 4096

Reach = Callable[[], Awaitable[socket.socket]]
"""Another connection to the camera."""


async def tunnel(dialogue: Dialogue, user_agent: str, reach: Reach) -> tuple[socket.socket, socket.socket]:
    """On which the camera's side comes, and on which ours goes. Raises `SourceError`, and `OSError` of the network.

    `dialogue`: the one that will be led in it; who logs in at the web server does so again there.
    """
    web = dialogue.beside()
    # The cookie joins two connections, so nobody else may guess it.
    cookie = secrets.token_hex(11)
    opened: list[socket.socket] = []
    try:
        for _ in range(MAX_LOGINS):
            opened.append(down := await reach())
            answer = await _answer(down, _head(web, "GET", cookie, user_agent, f"Accept: {_TYPE}"), web)
            if not web.again("GET", answer):
                break
            opened.remove(down)
            down.close()
        if answer.status != 200:
            raise SourceError(
                f"{web.url.shown}: it is not to be had within HTTP: GET was answered {answer.status} "
                f"{web.excerpt(answer.reason)}: check the port, or set transport to auto"
            )
        opened.append(up := await reach())
        told = (f"Content-Type: {_TYPE}", f"Content-Length: {LENGTH}", "Expires: Sun, 9 Jan 1972 00:00:00 GMT")
        await asyncio.get_running_loop().sock_sendall(up, _head(web, "POST", cookie, user_agent, *told))
        return down, up
    except BaseException:
        for sock in opened:
            sock.close()
        raise


def _head(web: Dialogue, method: str, cookie: str, user_agent: str, *more: str) -> bytes:
    """A request of HTTP/1.0: nothing behind it is in chunks."""
    address, _, path = web.url.request.partition("://")[2].partition("/")
    authorization = web.authorization(method, f"/{path}")
    lines = [
        f"{method} /{path} HTTP/1.0",
        f"Host: {address}",
        f"User-Agent: {user_agent}",
        f"x-sessioncookie: {cookie}",
        *more,
        "Pragma: no-cache",
        "Cache-Control: no-cache",
        *([f"Authorization: {authorization}"] if authorization else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


async def _answer(sock: socket.socket, head: bytes, web: Dialogue) -> Response:
    """What the GET is answered, without a body: what follows is the camera's side, which begins when it is asked."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, head)
    data = b""
    try:
        while (found := parse_head(data)) is None:
            piece = await loop.sock_recv(sock, _READ)
            if not piece:
                raise SourceError(
                    f"{web.url.shown}: the camera hangs up when it is asked by HTTP: set transport to auto"
                )
            data += piece
    except ProtocolError as error:
        raise SourceError(f"{web.url.shown}: the camera does not speak HTTP: {error}") from None
    version, _, rest = found.start.partition(" ")
    status = whole(rest[:3]) if version.startswith("HTTP/") else None
    if status is None:
        raise SourceError(f"{web.url.shown}: what answers there does not speak HTTP: set transport to auto")
    return Response(status, rest[3:].strip(), found.headers, b"")
