"""What whoever comes to a full port is told: 503, and when to try again. Never many at a time, and none for long.

Each of them takes a descriptor on top of those that are served, so there are few; a connection more is closed without a
word, as is one that says nothing.
"""

from __future__ import annotations

import asyncio

MOST = 16
"""That are told so at a time."""
PATIENCE = 2.0
"""Seconds for a request to begin, and for its end to be heard by whoever asked."""
_WORDS = b"All connections are taken; try again in a moment.\n"
_ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(_WORDS)
)


class Refusal(asyncio.Protocol):
    """One connection, over TLS or not. What it asks for is not looked at."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._told = False
        self.over = asyncio.Event()
        """The connection has ended."""

    def drop(self) -> None:
        """End it, if it has been made and has not ended."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._deadline = asyncio.get_running_loop().call_later(PATIENCE, transport.abort)

    def data_received(self, data: bytes) -> None:
        # Not before it asks: some clients take an answer that comes first for one to nothing. Behind that it is
        # read on, since who closes with something unread resets the connection, and his answer may be lost.
        if not self._told and self._transport is not None:
            self._told = True
            self._transport.write(_ANSWER if data.startswith(b"HEAD ") else _ANSWER + _WORDS)
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.over.set()
