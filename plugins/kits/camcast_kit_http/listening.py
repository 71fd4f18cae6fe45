"""A socket that listens on TCP, and the words for why there is none."""

from __future__ import annotations

import errno
import os
import socket

from camcast.errors import ServiceError

BACKLOG = 100
"""Connections that the kernel keeps until they are taken."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0: any that is free. Raises `ServiceError`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        sock = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        # Python puts words of its own around the system's.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
        why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used: {reason}"
        raise ServiceError(f"port {port} of {host} {why}") from None
    # Connections have it from here. Without it an answer's body waits for the acknowledgement of its head, which
    # clients put off by 0.04 s; asyncio sets it for sockets of its own making only.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
