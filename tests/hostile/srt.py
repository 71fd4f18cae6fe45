"""Hostile SRT servers. They shake hands and acknowledge as they should, by hand, and flood with control packets. And
strangers at a port at which the engine waits for publishers.

The formats are those of draft-sharabayko-srt-01 (§3); libsrt itself sends no such things on demand.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import socket as socket_module
import struct
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from tests.hostile.datagrams import pour
from tests.hostile.script import say

_HANDSHAKE, _KEEPALIVE, _ACK, _NAK, _CONGESTION, _DROP_REQUEST, _USER = 0, 1, 2, 3, 4, 7, 0x7FFF
_INDUCTION, _CONCLUSION = 1, 0xFFFFFFFF
_MAGIC = 0x4A17
_RESPONSE = 2
"""Of the extensions of a conclusion (§3.2.1.1)."""
_OWN_ID, _COOKIE = 4711, 0x5EC4E7
_LATENCY = 120 << 16 | 120
_ACK_EVERY = 0.01

Address = tuple[str, int]


def control(kind: int, socket: int, body: bytes = b"", *, subtype: int = 0, about: int = 0) -> bytes:
    """A control packet (§3.2)."""
    return struct.pack(">HHIII", 0x8000 | kind, subtype, about, 0, socket) + body


class Peer:
    """One caller."""

    def __init__(self, socket: int, first: int) -> None:
        self.socket = socket
        self.next = first
        """The number that its next packet should have."""

    def ack(self, number: int, upto: int | None = None) -> bytes:
        """Of all that came, or of whatever number is given."""
        upto = self.next if upto is None else upto
        body = struct.pack(">IIIIIII", upto & 0x7FFFFFFF, 1000, 100, 8192, 1000, 10_000, 1_000_000)
        return control(_ACK, self.socket, body, about=number)


Flood = Callable[[Peer], Iterator[bytes]]


class Server(asyncio.DatagramProtocol):
    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self._peers: dict[Address, Peer] = {}
        self._works: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Address) -> None:
        if len(data) < 16:
            return
        (word,) = struct.unpack_from(">I", data)
        peer = self._peers.get(address)
        if not word >> 31:
            if peer is not None:
                peer.next = max(peer.next, (word & 0x7FFFFFFF) + 1)
        elif word >> 16 & 0x7FFF == _HANDSHAKE and len(data) >= 64:
            self._shake(data[16:64], address)

    def _shake(self, body: bytes, address: Address) -> None:
        _, _, _, first, mtu, window, kind, socket, _ = struct.unpack_from(">IHHIIIIII", body)

        def answer(extension: int, kind: int, more: bytes = b"") -> None:
            said = struct.pack(">IHHIIIIII", 5, 0, extension, first, mtu, window, kind, _OWN_ID, _COOKIE)
            self._transport.sendto(control(_HANDSHAKE, socket, said + body[32:48] + more), address)

        if kind == _INDUCTION:
            answer(_MAGIC, _INDUCTION)
        elif kind == _CONCLUSION:
            answer(1, _CONCLUSION, struct.pack(">HHIII", _RESPONSE, 3, 0x010500, 0xBF, _LATENCY))
            if address not in self._peers:
                peer = self._peers[address] = Peer(socket, first)
                self._do(self._acknowledge(peer, address))
                self._do(pour(lambda data: self._transport.sendto(data, address), self._flood(peer)))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)

    async def _acknowledge(self, peer: Peer, address: Address) -> None:
        for number in itertools.count(1):
            self._transport.sendto(peer.ack(number), address)
            await asyncio.sleep(_ACK_EVERY)


def serving(flood: Flood) -> Callable[[], Coroutine[Any, Any, None]]:
    """Serve; prints the port."""

    async def serve() -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Server(flood), ("127.0.0.1", 0)
        )
        say(transport.get_extra_info("sockname")[1])
        await asyncio.Event().wait()

    return serve


def _again_and_again(make: Callable[[Peer], bytes]) -> Flood:
    return lambda peer: (make(peer) for _ in itertools.repeat(None))


def _misses(peer: Peer) -> bytes:
    """The last hundred packets, as lost."""
    last = (peer.next - 1) & 0x7FFFFFFF
    return control(_NAK, peer.socket, struct.pack(">II", 0x80000000 | max(0, last - 100), last))


def _every_kind(peer: Peer) -> Iterator[bytes]:
    for number in itertools.count():
        kind = (_KEEPALIVE, _CONGESTION, _DROP_REQUEST, _USER, 6, 8)[number % 6]
        yield control(kind, peer.socket, bytes(12), subtype=number % 5, about=number)


def _at_random(peer: Peer) -> Iterator[bytes]:
    """For which libsrt 1.5.1 was seen to overwrite its memory."""
    numbers = random.Random(1)
    for number in itertools.count(1):
        yield peer.ack(number, numbers.getrandbits(31))


def _of_any_length(peer: Peer) -> Iterator[bytes]:
    """With any figures in it: of round trips, windows, rates."""
    chance = random.Random(1)
    for number in itertools.count(1):
        yield peer.ack(number)[: 16 + 4 * chance.randrange(1, 8)] + chance.randbytes(4 * chance.randrange(20))


KEEPALIVES = serving(_again_and_again(lambda peer: control(_KEEPALIVE, peer.socket)))
ACKS_AT_RANDOM = serving(_at_random)
ACKS_OF_ANY_LENGTH = serving(_of_any_length)
ACKS = serving(_again_and_again(lambda peer: peer.ack(1)))
MISSES = serving(_again_and_again(_misses))
EVERY_KIND = serving(_every_kind)
HANDSHAKES = serving(_again_and_again(lambda peer: control(_HANDSHAKE, peer.socket, bytes(48))))


# --- at a port at which the engine listens ----------------------------------------------------------------------


def calling(floods: Callable[[], Iterator[bytes]], sockets: int = 16) -> Callable[[], Coroutine[Any, Any, None]]:
    """Prints a port that is free, and floods whoever listens there from so many others, by turns."""

    async def call() -> None:
        with socket_module.socket(socket_module.AF_INET, socket_module.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        say(port)
        senders = []
        for _ in range(sockets):
            sender = socket_module.socket(socket_module.AF_INET, socket_module.SOCK_DGRAM)
            sender.setblocking(False)
            sender.connect(("127.0.0.1", port))
            senders.append(sender)
        await _heard(senders[0])
        turns = itertools.cycle(senders)
        await pour(lambda data: next(turns).send(data), floods())

    return call


async def _heard(sender: socket_module.socket) -> None:
    """Until somebody listens there: where nobody does, the kernel says so to the next datagram."""
    while True:
        try:
            for _ in range(3):
                sender.send(b"\0")
                await asyncio.sleep(0.02)
        except ConnectionRefusedError:
            continue
        return


def _handshake(kind: int, cookie: int, socket: int, more: bytes = b"") -> bytes:
    version, extension = (4, 2) if kind == _INDUCTION else (5, 1)
    said = struct.pack(">IHHIIIIII", version, 0, extension, 1000, 1500, 8192, kind, socket, cookie)
    return control(_HANDSHAKE, 0, said + bytes(16) + more)


def _inductions() -> Iterator[bytes]:
    return (_handshake(_INDUCTION, 0, socket & 0x3FFFFFFF) for socket in itertools.count(1))


def _conclusions() -> Iterator[bytes]:
    """Each as if it had been answered; the cookie is a guess."""
    chance = random.Random(1)
    asked = struct.pack(">HHIII", 1, 3, 0x010500, 0xBF, _LATENCY) + struct.pack(">HH", 5, 1) + b"dab\0"
    while True:
        yield _handshake(_CONCLUSION, chance.getrandbits(32), chance.getrandbits(30), asked)


def _anything() -> Iterator[bytes]:
    chance = random.Random(1)
    while True:
        yield chance.randbytes(chance.randrange(1, 1400))


STRANGERS_INDUCTIONS = calling(_inductions)
STRANGERS_CONCLUSIONS = calling(_conclusions)
STRANGERS_RUBBISH = calling(_anything)
