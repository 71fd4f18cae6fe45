"""Asking everybody: probes by multicast on chosen interfaces and to single hosts, and the answers while they come."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

from .interfaces import multicast_interfaces
from .wsd import GROUP, MAX_DATAGRAM, PORT, PROBES, Match, matches, probe
from .xml import BadXml

AGAIN = (0.0, 0.3, 1.0)
"""Seconds from the beginning at which it is asked: datagrams get lost."""
MAX_WAITING = 256
"""Answers that are not looked at yet; more are left out."""
MAX_ANSWERS = 2000
"""That are looked at in all."""
MAX_EACH = 64
"""That one address may send: a recorder may answer for each of its cameras."""
MAX_SENDERS = 2000

Answers = asyncio.Queue[tuple[bytes, str]]


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, answers: Answers, senders: Counter[str]) -> None:
        """`senders`: how many each address has sent, to all ears together."""
        self._answers = answers
        self._senders = senders

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        host = addr[0]
        if self._senders[host] >= MAX_EACH or (host not in self._senders and len(self._senders) >= MAX_SENDERS):
            return
        self._senders[host] += 1
        with contextlib.suppress(asyncio.QueueFull):
            # One byte more than is taken is enough to refuse it by.
            self._answers.put_nowait((data[: MAX_DATAGRAM + 1], host))

    def error_received(self, exc: Exception) -> None:
        """A host that was asked by itself has nobody listening: that is an answer as good as silence."""


async def answers(
    seconds: float,
    *,
    interfaces: Sequence[str] = (),
    hosts: Sequence[str] = (),
    everybody: bool = True,
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> AsyncIterator[Match]:
    """Devices as they answer within `seconds`; one may come several times, as often as it has addresses and types.

    `hosts`: IPv4 addresses that are asked by themselves. Raises `OSError` where there is no way to ask.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    heard: Answers = asyncio.Queue(MAX_WAITING)
    asked = [str(uuid4()) for _ in range(PROBES)]
    async with contextlib.AsyncExitStack() as stack:
        ways = await _open(stack, heard, interfaces, hosts, everybody)
        asking = asyncio.create_task(_ask(ways, [probe(number, uuid) for number, uuid in enumerate(asked)], log))
        stack.callback(asking.cancel)
        for _ in range(MAX_ANSWERS):
            # Where answers wait, neither others would have a turn nor would the time be looked at.
            await asyncio.sleep(0)
            if loop.time() >= until:
                return
            try:
                async with asyncio.timeout_at(until):
                    data, host = await heard.get()
            except TimeoutError:
                return
            try:
                found = matches(data, host, asked)
            except BadXml as error:
                log.debug("An answer from %s is left out: %s", host, error)
                continue
            for match in found:
                yield match


async def _open(
    stack: contextlib.AsyncExitStack, heard: Answers, interfaces: Sequence[str], hosts: Sequence[str], everybody: bool
) -> list[tuple[asyncio.DatagramTransport, Sequence[str]]]:
    """Sockets, each with whom it asks."""
    ways: list[tuple[socket.socket, Sequence[str]]] = []
    if everybody:
        found = multicast_interfaces(interfaces)
        if not found and not hosts:
            raise OSError(
                "no network interface here is up, has an IPv4 address and knows multicast, so cameras cannot be looked "
                "for; name their addresses"
            )
        for address in found.values():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            sock.bind((address, 0))
            ways.append((sock, (GROUP,)))
    if hosts:
        ways.append((socket.socket(socket.AF_INET, socket.SOCK_DGRAM), hosts))
    opened = []
    senders: Counter[str] = Counter()
    for sock, whom in ways:
        sock.setblocking(False)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Ear(heard, senders), sock=sock
        )
        stack.callback(transport.close)
        opened.append((transport, whom))
    return opened


async def _ask(
    ways: Sequence[tuple[asyncio.DatagramTransport, Sequence[str]]],
    probes: Sequence[bytes],
    log: logging.Logger | logging.LoggerAdapter[logging.Logger],
) -> None:
    begun = asyncio.get_running_loop().time()
    for at in AGAIN:
        await asyncio.sleep(begun + at - asyncio.get_running_loop().time())
        for transport, whom in ways:
            for host in whom:
                for data in probes:
                    try:
                        transport.sendto(data, (host, PORT))
                    except OSError as error:
                        log.debug("Asking %s failed: %s", host, error)
            # A few hundred hosts at once would fill the socket's buffer.
            await asyncio.sleep(0)
