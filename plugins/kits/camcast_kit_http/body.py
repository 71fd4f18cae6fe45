"""A request's body, bounded in size and time: an ASGI application reads it before it looks at anything else."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import Receive

from camcast_kit_http.problem import Problem

BODY_DEADLINE = 10.0
"""Seconds for the whole of a request's body to come."""
PASSED_BY, PASSED_WITHIN = 4 * 1024 * 1024, 1.0
"""Bytes and seconds that are read of a body which is too long before that is answered: closing a connection with bytes
unread resets it, and the client would not see the answer."""
_CLOSE = {"connection": "close"}


async def read_body(headers: Headers, receive: Receive, kind: str, most: int) -> bytes:
    """The whole body; raises `Problem` for one of more than `most` bytes, a slow one, or one that is not `kind`."""
    size = headers.get("content-length", "0")
    too_long = Problem(413, f"expected a body of at most {most} bytes", headers=_CLOSE)
    if not size.isdecimal():
        raise too_long
    if int(size[:20]) > most:
        if int(size[:20]) <= PASSED_BY:
            await _pass_by(receive)
        raise too_long
    parts: list[bytes] = []
    total, more = 0, True
    try:
        async with asyncio.timeout(BODY_DEADLINE):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Problem(400, "the connection ended within the body")
                parts.append(message.get("body", b""))
                total += len(parts[-1])
                more = message.get("more_body", False)
                if total > most:
                    raise too_long
    except TimeoutError:
        raise Problem(408, f"the body did not come within {BODY_DEADLINE:g} s", headers=_CLOSE) from None
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if total and given != kind:
        raise Problem(415, f"expected Content-Type: {kind}")
    return b"".join(parts)


async def _pass_by(receive: Receive) -> None:
    """Read a body and forget it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PASSED_WITHIN):
            while (await receive()).get("more_body", False):
                pass
