"""A listening socket that takes so many connections at once, and no more."""

from __future__ import annotations

import socket
from typing import Any


class Bounded(socket.socket):
    """asyncio has a place and a descriptor for whoever connects, and tells nobody before hands are shaken for TLS. So
    who never does must be counted here, or he takes all descriptors of the process, which outputs need as well."""

    def __init__(self, listening: socket.socket, most: int) -> None:
        """Takes over what `listening` is; that is closed to whoever has it."""
        super().__init__(fileno=listening.detach())
        self.setblocking(False)
        self._most = most
        self._taken: list[socket.socket] = []

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises `ConnectionAbortedError` for one more than there may be, whose connection is closed."""
        connection, address = super().accept()
        self._taken = [one for one in self._taken if one.fileno() >= 0]
        if len(self._taken) >= self._most:
            connection.close()
            raise ConnectionAbortedError("too many connections")
        self._taken.append(connection)
        return connection, address
