"""RTP and RTCP beside the RTSP connection: a pair of sockets on neighbouring ports (RFC 3550 §11).

A camera may send to a group (multicast) instead of to us: its address and ports are the camera's then.

Only what comes from the camera's own address is taken, or from the one that it announced as `source`: the kernel is
told so, where it can, and strangers' datagrams cost nothing. Sockets are emptied as a whole in `rounds.py`; the kernel
keeps what comes meanwhile, so its buffer is made large.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from camcast.errors import SourceError
from camcast.net.datagrams import only_from

from .limits import TURN, Meter, Offence
from .rounds import rounds

RECEIVE_BUFFER = 4 * 1024 * 1024
MAX_DATAGRAMS = 256
"""Read in one go, so that a flood cannot hold the loop."""
_TRIES = 50

OnPacket = Callable[[memoryview, int], None]


@attrs.frozen
class Group:
    """Where a camera sends for everybody: an IPv4 address (RFC 1112) and two ports."""

    address: str
    ports: tuple[int, int]


class UdpPair:
    """Two bound sockets that hand packets and their arrival time to `on_rtp` and `on_rtcp`."""

    def __init__(
        self,
        family: int,
        local: tuple[Any, ...],
        peer: str,
        on_rtp: OnPacket,
        on_rtcp: OnPacket,
        meter: Meter,
        on_offence: Callable[[str], object],
        group: Group | None = None,
    ) -> None:
        """`local`: the socket address to bind to, whose port does not matter; `peer`: the camera's address. `group`:
        what is sent there is taken, on the interface that has the `local` address. Raises `SourceError`."""
        self.foreign = 0
        """Datagrams from elsewhere that the kernel let through, left out."""
        self._rounds = rounds()
        self._peer = peer
        self._meter = meter
        self._on_offence = on_offence
        self._scope = local[2:]
        self._sockets = _bind_pair(family, local) if group is None else _join(group, local[0])
        self._buffer = memoryview(bytearray(65536))
        self._on_rtp = on_rtp
        for sock, handler in zip(self._sockets, (on_rtp, on_rtcp), strict=True):
            only_from(sock, [(peer, None)])
            self._rounds.add(sock.fileno(), partial(self._read, sock, handler))

    @property
    def port(self) -> int:
        """The RTP port; RTCP's is the next."""
        return int(self._sockets[0].getsockname()[1])

    def comes_from(self, source: str) -> None:
        """The camera says that its media comes from this address."""
        self._peer = source
        for sock in self._sockets:
            only_from(sock, [(source, None)])

    def knock(self, ports: tuple[int, int]) -> None:
        """Open firewalls on the way by sending a little first."""
        self._send(0, b"\x80" + bytes(11), ports[0])
        self._send(1, b"\x80\xc9\x00\x01\x00\x00\x00\x00", ports[1])

    def send_rtcp(self, data: bytes, port: int) -> None:
        self._send(1, data, port)

    def drain(self) -> bool:
        """Take the media that has come and is not read yet: where a machine is busy, a good-bye is read before it, and
        a packet that is missed may lie there. Returns whether that was all."""
        return self._sockets[0].fileno() < 0 or self._empty(self._sockets[0], self._on_rtp, time.monotonic_ns())

    def close(self) -> None:
        for sock in self._sockets:
            if sock.fileno() >= 0:
                self._rounds.remove(sock.fileno())
                sock.close()

    def _send(self, index: int, data: bytes, port: int) -> None:
        # An unreachable port is no news: what matters is whether media comes.
        with contextlib.suppress(OSError):
            self._sockets[index].sendto(data, (self._peer, port, *self._scope))

    def _read(self, sock: socket.socket, handler: OnPacket, now: int) -> bool:
        self._empty(sock, handler, now)
        return False  # what is left, the kernel tells of

    def _empty(self, sock: socket.socket, handler: OnPacket, now: int) -> bool:
        """Whether nothing is left of what has come."""
        self._meter.enter()
        try:
            taken = self._take(sock, handler, now)
            self._meter.check(now)
            return taken
        except Offence as offence:
            self._on_offence(str(offence))
            return True
        finally:
            self._meter.leave()

    def _take(self, sock: socket.socket, handler: OnPacket, now: int) -> bool:
        receive, buffer, peer = sock.recvfrom_into, self._buffer, self._peer
        until = time.monotonic_ns() + TURN
        # Empty, or an ICMP answer to something we sent: the next round goes on.
        with contextlib.suppress(OSError):
            for _ in range(MAX_DATAGRAMS):
                size, sender = receive(buffer)
                if sender[0] == peer:
                    handler(buffer[:size], now)
                else:
                    self.foreign += 1
                if time.monotonic_ns() > until:
                    break
            return False  # the kernel keeps the rest
        return True


def _bind_pair(family: int, local: tuple[Any, ...]) -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        port = random.randrange(20000, 60000, 2)
        pair = (socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM))
        try:
            for offset, sock in enumerate(pair):
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
                sock.bind((local[0], port + offset, *local[2:]))
        except OSError:
            for sock in pair:
                sock.close()
            continue
        return pair
    raise SourceError(f"no two neighbouring UDP ports are free on {local[0]}")


def _join(group: Group, interface: str) -> tuple[socket.socket, socket.socket]:
    pair = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    try:
        for port, sock in zip(group.ports, pair, strict=True):
            sock.setblocking(False)
            # Others on this machine may listen, too.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.bind((group.address, port))
            wanted = socket.inet_aton(group.address) + socket.inet_aton(interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)
    except OSError as error:
        for sock in pair:
            sock.close()
        raise SourceError(f"cannot listen to the group {group.address} on {interface}: {error.strerror}") from None
    return pair
