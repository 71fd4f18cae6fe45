"""The wire of a connection over TLS: a `Wire` below it carries what a `TlsSession` makes of each message.

All figures are the lower wire's, and count what really goes over the network, records included.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from camcast.net.tls_session import TlsSession
from camcast.net.wire import Buffers, ReadLimits, Wire

LIMITS = ReadLimits(bytes_at_once=64 * 1024)
"""A byte costs more here: TLS's own messages of some 20 are worked on, too, of which the application sees nothing."""


class TlsWire:
    """`write` and `finish` of a `Wire`, encrypted. What else one asks of a wire is asked of `below`."""

    def __init__(
        self,
        sock: socket.socket,
        session: TlsSession,
        received: Callable[[bytes], None],
        lost: Callable[[OSError | None], None],
        limits: ReadLimits | None = None,
    ) -> None:
        """`session` has shaken hands over `sock`."""
        self.below = Wire(sock, self._arrived, lost, limits or LIMITS)
        self._session = session
        self._received = received
        asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        """Look at what came together with the end of the handshake."""
        if self.below.alive:
            self._arrived(b"")

    def write(self, buffers: Buffers) -> None:
        """Encrypt and send now what the socket takes, keep the rest. Never blocks or raises."""
        wire = self.below
        if not wire.alive:
            wire.write(buffers)
            return
        message = bytes(buffers[0]) if len(buffers) == 1 else b"".join(buffers)
        try:
            records = self._session.send(message)
        except ssl.SSLError as error:
            wire.fail_soon(error)
            return
        wire.write((records,))

    def finish(self) -> None:
        """Send the closing alert, which is what tells the peer that nothing was cut off."""
        if self.below.alive:
            self.below.write((self._session.goodbye(),))

    def _arrived(self, data: bytes) -> None:
        session, wire = self._session, self.below
        try:
            plain = session.receive(data)
        except ssl.SSLError as error:
            wire.fail(error)
            return
        answer = session.outgoing()
        if answer:
            wire.write((answer,))
        if plain:
            self._received(plain)
        if session.ended:
            # In a turn of its own, as with TCP: whoever waits for what was just received hears that first.
            asyncio.get_running_loop().call_soon(wire.fail, None)
