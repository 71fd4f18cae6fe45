"""A camera's TLS within bounds: OpenSSL gets a little at a time of what arrived, and no end of what is not for us.

Left to itself it reads on as long as what comes is not for the application (KeyUpdate, session tickets: RFC 8446 §4.6),
and asyncio hands it a quarter of a megabyte at once: a camera that sends nothing else would hold up all others.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")

PIECE = 2 * 1024
MAX_IDLE = 20 * 1024
"""Bytes without one for us: more than the largest record (16 KiB and a little), and 0.1 s of KeyUpdates [measured]."""
MAX_HANDSHAKE = 128 * 1024
"""Bytes; with a long chain of certificates it is 10 KB."""
_WORTH = 64
"""Bytes that one for us makes up for: a record of one byte has 30."""


class BoundedContext(ssl.SSLContext):
    """Whose connections are `BoundedTls`."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        inner = ssl.MemoryBIO()
        tls = super().wrap_bio(inner, outgoing, server_side, server_hostname, session)
        return cast("ssl.SSLObject", BoundedTls(tls, incoming, inner))


class BoundedTls:
    """An `ssl.SSLObject`, as asyncio uses one. Raises `ConnectionAbortedError` for a flood."""

    def __init__(self, tls: ssl.SSLObject, arrived: ssl.MemoryBIO, inner: ssl.MemoryBIO) -> None:
        self._tls, self._arrived, self._inner = tls, arrived, inner
        self._idle = 0

    def do_handshake(self) -> None:
        self._feeding(self._tls.do_handshake, MAX_HANDSHAKE, "before its TLS handshake is done")
        self._idle = 0

    def read(self, size: int = 1024, buffer: Any = None) -> Any:
        """Bytes, or with a buffer how many of them were put there, as `ssl.SSLObject.read`."""
        into = (size,) if buffer is None else (size, buffer)
        got: Any = self._feeding(lambda: self._tls.read(*into), MAX_IDLE, "of TLS that carry nothing")
        self._idle = max(0, self._idle - _WORTH * (got if buffer is not None else len(got)))
        return got

    def _feeding(self, call: Callable[[], T], most: int, what: str) -> T:
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                if not self._arrived.pending:
                    raise
                self._idle += self._inner.write(self._arrived.read(PIECE))
                if self._idle > most:
                    raise ConnectionAbortedError(f"the camera sends over {most // 1024} KiB {what}") from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)
