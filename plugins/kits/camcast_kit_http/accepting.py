"""Connections let in at a listening socket: so many at once, so fast, and never so that a newcomer is kept out by those
who say nothing.

Each takes a descriptor, which outputs need as well, from the moment in which it is accepted: those whose TLS handshake
is under way count like any other. Where there are too many, one of which no request is being answered makes room
(`camcast.net.admission`); where all are being answered, the newcomer is told that there is none (`refusing.py`). A
handshake has its time, and all of them together a tenth of the loop's, as each has us sign for somebody who has not
said who he is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Protocol

from camcast.net import accept_pace
from camcast.net.accept_pace import AcceptPace
from camcast.net.admission import Stranger, displaced, origin
from camcast.net.tls_bounds import BoundedContext
from camcast_kit_http.refusing import MOST, Refusal

HANDSHAKE = 10.0
"""Seconds for a TLS handshake."""


class Caller(Stranger, Protocol):
    """One connection. Whoever makes it says by `gone` when it has ended."""

    gone: Callable[[], object]
    """Set before the connection is made."""

    @property
    def busy(self) -> bool:
        """Whether a request of it is being answered, so that it stays."""

    @property
    def hears(self) -> asyncio.BaseProtocol:
        """What asyncio tells of the connection."""

    def drop(self) -> None:
        """End its connection, if it has been made."""


class Accepting:
    """At one socket, which it takes over."""

    def __init__(
        self, listening: socket.socket, most: int, make: Callable[[], Caller], tls: BoundedContext | None
    ) -> None:
        """`make`: a new `Caller`."""
        listening.setblocking(False)
        self._listening = listening
        self._most = most
        self._make = make
        self._tls = tls
        self._callers: dict[Caller, asyncio.Task[None] | None] = {}
        """In the order in which they came; the task of those that are still arriving."""
        self._refused: set[asyncio.Task[None]] = set()
        """Of those who are told that there is no room."""

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        pace = AcceptPace(self._tls)
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listening)
            except OSError:  # no descriptor is left, or it had gone again
                await asyncio.sleep(accept_pace.REST)
                continue
            # A socket in the file system knows no addresses.
            self._let_in(connection, origin(peer[0]) if isinstance(peer, tuple) else "")
            if rest := pace.rest():
                await asyncio.sleep(rest)

    def close(self) -> None:
        """Nobody else is let in; those who are still arriving end."""
        if self._listening.fileno() >= 0:
            # Before its number is another socket's.
            asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        for task in (*self._callers.values(), *self._refused):
            if task is not None:
                task.cancel()

    def _let_in(self, connection: socket.socket, address: str) -> None:
        if not self._room(address):
            self._refuse(connection)
            return
        caller = self._make()
        caller.address = address
        caller.gone = lambda: self._callers.pop(caller, None)
        self._callers[caller] = self._begin(self._take(caller, connection), connection)

    def _begin(self, work: Coroutine[None, None, None], connection: socket.socket) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="camcast-http-caller")
        # One that has to go at once never runs.
        task.add_done_callback(lambda done: connection.close() if done.cancelled() else None)
        return task

    def _refuse(self, connection: socket.socket) -> None:
        if len(self._refused) >= MOST:
            connection.close()
            return
        task = self._begin(self._turn_away(connection), connection)
        self._refused.add(task)
        task.add_done_callback(self._refused.discard)

    async def _turn_away(self, connection: socket.socket) -> None:
        refusal = Refusal()
        try:
            if await self._arrive(refusal, connection):
                await refusal.over.wait()
        finally:
            refusal.drop()

    def _room(self, address: str) -> bool:
        """Whether there is room for one more from there, for which somebody may have to go."""
        if len(self._callers) < self._most:
            return True
        loser = displaced([caller for caller in self._callers if not caller.busy], address)
        if loser is None:
            return False
        arriving = self._callers.pop(loser)
        if arriving is not None:
            arriving.cancel()
        loser.drop()
        return True

    async def _take(self, caller: Caller, connection: socket.socket) -> None:
        try:
            arrived = await self._arrive(caller.hears, connection)
        except BaseException:
            self._callers.pop(caller, None)
            raise
        if not arrived:
            self._callers.pop(caller, None)
        elif caller in self._callers:
            self._callers[caller] = None

    async def _arrive(self, protocol: asyncio.BaseProtocol, connection: socket.socket) -> bool:
        """Whether its hands could be shaken, where that is to be; `protocol` has been told of it then."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE if self._tls else None,
                ssl_shutdown_timeout=1.0 if self._tls else None,
            )
        except OSError:  # `ssl.SSLError` is one
            connection.close()
            return False
        except BaseException:
            with contextlib.suppress(OSError):
                connection.close()
            raise
        return True
