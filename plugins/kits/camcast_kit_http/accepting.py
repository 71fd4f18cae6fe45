"""Connections let in at a listening socket: so many at once, so fast, and never so that a newcomer is kept out by those
who say nothing.

Each takes a descriptor, which outputs need as well, from the moment in which it is accepted: those whose TLS handshake
is under way count like any other. Where there are too many, one of which no request is being answered makes room
(`camcast.net.admission`). A handshake has its time, and all of them together a tenth of the loop's, as each has us
sign for somebody who has not said who he is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from camcast.net.admission import displaced, origin
from camcast.net.tls_bounds import BoundedContext

HANDSHAKE = 10.0
"""Seconds for a TLS handshake."""
REST = 0.02
"""Seconds that accepting rests behind `AT_ONCE` connections."""
AT_ONCE = 16
SHARE = 9
"""As many times as long as the handshakes before took."""
LONGEST_REST = 1.0


class Caller(asyncio.Protocol):
    """One connection, whose end it tells by `gone`."""

    address = ""
    """Where it comes from, as `admission.origin` has it."""
    gone: Callable[[], object] = staticmethod(lambda: None)

    @property
    def spoke(self) -> bool:
        """Whether anything came of it."""
        raise NotImplementedError

    @property
    def busy(self) -> bool:
        """Whether a request of it is being answered, so that it stays."""
        raise NotImplementedError

    def drop(self) -> None:
        """End its connection, if it has been made."""
        raise NotImplementedError


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

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        turn, spent = 0, 0.0
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listening)
            except OSError:  # no descriptor is left, or it had gone again
                await asyncio.sleep(REST)
                continue
            # A socket in the file system knows no addresses.
            self._let_in(connection, origin(peer[0]) if isinstance(peer, tuple) else "")
            turn += 1
            rest = REST if turn >= AT_ONCE else 0.0
            if self._tls is not None:
                rest = max(rest, min(LONGEST_REST, SHARE * (self._tls.spent - spent)))
                spent = self._tls.spent
            if rest:
                turn = 0
                await asyncio.sleep(rest)

    def close(self) -> None:
        """Nobody else is let in; those who are still arriving end."""
        if self._listening.fileno() >= 0:
            # Before its number is another socket's.
            asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        for task in tuple(self._callers.values()):
            if task is not None:
                task.cancel()

    def _let_in(self, connection: socket.socket, address: str) -> None:
        if not self._room(address):
            connection.close()
            return
        caller = self._make()
        caller.address = address
        caller.gone = lambda: self._callers.pop(caller, None)
        task = asyncio.create_task(self._take(caller, connection), name="camcast-http-caller")
        self._callers[caller] = task
        # One that has to go at once never runs.
        task.add_done_callback(lambda done: connection.close() if done.cancelled() else None)

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
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: caller,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE if self._tls else None,
                ssl_shutdown_timeout=1.0 if self._tls else None,
            )
        except OSError:  # `ssl.SSLError` is one
            connection.close()
            self._callers.pop(caller, None)
        except BaseException:
            with contextlib.suppress(OSError):
                connection.close()
            self._callers.pop(caller, None)
            raise
        else:
            if caller in self._callers:
                self._callers[caller] = None
