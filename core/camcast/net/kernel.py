"""What the kernel says of a TCP connection, and the options that outgoing connections of media are given.

Rules: bytes that the kernel has taken show nothing; they lie in its buffer until the peer acknowledges them.
`unacknowledged` counts all of those, `unsent` those of them that have not left this machine yet. What is unsent says
that the link is slow; what is sent and not acknowledged says, measured against the round trip, that it is dead.
Linux tells both in under a microsecond (tcp(7): SIOCOUTQ, SIOCOUTQNSD). Other systems do not, and count as 0.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import sys
from asyncio.trsock import TransportSocket
from collections.abc import Mapping
from typing import Protocol

NOTSENT_LOWAT = 64 * 1024
"""Bytes not sent that the kernel may hold (TCP_NOTSENT_LOWAT). Without this it swallows megabytes, seconds of media."""
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 10, 5, 3
"""Seconds of silence before the first probe, seconds between probes, probes without an answer until it is over."""
_LINUX = sys.platform == "linux"
_SIOCOUTQ, _SIOCOUTQNSD = 0x5411, 0x894B
_TCP_NOTSENT_LOWAT, _TCP_RTO_MAX_MS = 25, 44
LONGEST_RETRY = 1.0
"""Seconds between two tries to send again what nobody acknowledges, at most, on a path that answers soon.

Each try comes twice as long after the last one otherwise, so that a connection lies still for as long again as the
link was away, and a loss of four seconds ends it. Linux 6.15 lets a connection say so; older ones go on as they do.
"""
RETRY_TRIPS = 4.0
"""Round trips that such a wait never falls short of: what is sent again before its answer can be here is a waste."""
LONGEST_TAKEN = 120_000
"""ms that Linux takes for it, at most."""
GOODBYE_TIMEOUT = 60.0
"""Seconds that the kernel goes on telling the peer of a closed connection that it is over."""
_TRIP_AND_REPEATED = struct.Struct("68xI28xI")
"""tcpi_rtt (µs) and tcpi_total_retrans in struct tcp_info."""
_BYTES_ACKED = struct.Struct("120xQ")
"""tcpi_bytes_acked in the same, since Linux 4.1."""


class HasDescriptor(Protocol):
    """A socket, asyncio's `TransportSocket`, or whatever else has a descriptor."""

    def fileno(self) -> int: ...


def unacknowledged(sock: HasDescriptor) -> int:
    """Bytes written to `sock` that the peer's kernel has not acknowledged, unsent ones included.

    0 when the socket is closed, or the system does not tell.
    """
    return _ask(sock, _SIOCOUTQ)


def unsent(sock: HasDescriptor) -> int:
    """Bytes written to `sock` that the kernel has not sent once: the link, or the peer's window, is full.

    0 when the socket is closed, or the system does not tell.
    """
    return _ask(sock, _SIOCOUTQNSD)


def acknowledged(sock: socket.socket | TransportSocket) -> int:
    """Bytes that the peer's kernel has acknowledged since the connection began: it takes them only while its program
    goes on reading.

    0 when the socket is closed or none of TCP, or the system does not tell.
    """
    if not _LINUX:
        return 0
    try:
        (count,) = _BYTES_ACKED.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.size))
    except (OSError, struct.error):
        return 0
    return int(count)


def _ask(sock: HasDescriptor, what: int) -> int:
    if not _LINUX:
        return 0
    answer = bytearray(4)
    try:
        fcntl.ioctl(sock.fileno(), what, answer)
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


def info(sock: socket.socket) -> Mapping[str, float]:
    """Round trip (`rtt_ms`) and `retransmitted_segments`, where the system tells; for a transport's `stats`."""
    if not _LINUX:
        return {}
    try:
        found = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TRIP_AND_REPEATED.size)
        trip, repeated = _TRIP_AND_REPEATED.unpack(found)
    except (OSError, struct.error):
        return {}
    return {"rtt_ms": trip / 1000, "retransmitted_segments": repeated}


def tune(sock: socket.socket, user_timeout: float) -> None:
    """Options of every outgoing connection, which is up; what this system lacks is left out.

    `user_timeout` is seconds that the kernel goes on repeating what nobody acknowledges (RFC 5482).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if _LINUX:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(user_timeout * 1000))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
        longest = max(LONGEST_RETRY, RETRY_TRIPS * info(sock).get("rtt_ms", 0.0) / 1000)
        # A kernel before 6.15 does not know it.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, min(LONGEST_TAKEN, int(longest * 1000)))


def retries_soon(sock: socket.socket) -> float | None:
    """Seconds between two tries to send again, at most; None = this system does not say, and they grow to minutes."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS) / 1000 if _LINUX else None
    except OSError:
        return None


def outlive(sock: socket.socket) -> None:
    """Before `sock` is closed: its end is told to the peer for `GOODBYE_TIMEOUT`, however long the link is away."""
    if _LINUX:
        with contextlib.suppress(OSError):  # the connection is gone already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(GOODBYE_TIMEOUT * 1000))
