"""The broker's TLS, spoken beside the client and within bounds.

paho reads by an `ssl.SSLSocket` of its own, which reads on as long as what comes is not for the application: a broker
that sends key updates without end would hold up the loop for as long (`camcast.net.tls_bounds`). So the client has one
end of a pair of sockets, of plain bytes, and what is at the other end speaks TLS with the broker. That is also why no
thread waits for a handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Self

from camcast.errors import NetworkError
from camcast.net.dial import dial
from camcast.net.tls_bounds import BoundedContext, shake_hands

_PIECE = 16 * 1024
_SHUTDOWN = 1.0
"""Seconds for the broker to answer the end of TLS."""


class Tunnel:
    """One connection to a broker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.offence = ""
        """Why the broker was cut off; "" = it was not, by this."""
        self.reason = ""
        """Why the connection broke otherwise; "" = it did not, or nobody said why."""
        self.inner, self._outer = socket.socketpair()
        """`inner` is for the client, which may close it."""
        for one in (self.inner, self._outer):
            one.setblocking(False)
        self._reader, self._writer = reader, writer
        self._inward = asyncio.create_task(self._take(), name="camcast-mqtt-in")
        self._outward = asyncio.create_task(self._give(), name="camcast-mqtt-out")

    @classmethod
    async def open(cls, host: str, port: int, ca_file: str | None, timeout: float) -> Self:
        """To the broker whose certificate is checked with `ca_file`, or with the system's. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            context = await asyncio.to_thread(BoundedContext.verifying, ca_file)
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            try:
                sock = await dial([(family, address) for family, _, _, _, address in found], timeout=timeout)
            except NetworkError as error:
                raise OSError(str(error)) from None
            try:
                shaken = await shake_hands(context, sock, host)
            except ValueError as error:
                sock.close()
                raise OSError(f"{host} is no name of a broker: {error}") from None
            except BaseException:
                sock.close()
                raise
            streams = await asyncio.open_connection(
                sock=sock, ssl=shaken.context, server_hostname=host, ssl_shutdown_timeout=_SHUTDOWN
            )
        return cls(*streams)

    async def close(self, timeout: float) -> None:
        """What the client has said goes out, for `timeout` seconds at the most; then it is over, however often."""
        _forget(self.inner)
        try:
            await asyncio.wait({self._outward}, timeout=timeout)
        finally:
            self._inward.cancel()
            self._outward.cancel()
            _forget(self._outer)
            self._writer.close()

    async def _take(self) -> None:
        """From the broker to the client."""
        loop = asyncio.get_running_loop()
        try:
            while data := await self._reader.read(_PIECE):
                await loop.sock_sendall(self._outer, data)
        except ConnectionAbortedError as error:
            self.offence = f"{error}: cut off"
        except OSError as error:
            self.reason = str(error)
        finally:
            with contextlib.suppress(OSError):
                self._outer.shutdown(socket.SHUT_WR)  # the client reads to the end, and then hears of it

    async def _give(self) -> None:
        """From the client to the broker."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the other way is over then, too, which is told there
            while data := await loop.sock_recv(self._outer, _PIECE):
                self._writer.write(data)
                await self._writer.drain()
            self._writer.close()


def _forget(sock: socket.socket) -> None:
    """Close it, and have the loop watch no other that gets its number."""
    if sock.fileno() >= 0:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
    sock.close()
