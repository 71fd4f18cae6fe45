"""Answers to probes from hosts that send more than anybody needs, over the loopback's own addresses."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from camcast_onvif.probe import MAX_EACH, answers
from camcast_onvif.wsd import MAX_MATCHES
from tests.onvif.camera import UUID

LOG = logging.getLogger("test")
_MATCH = (
    "<ProbeMatch><EndpointReference><Address>urn:uuid:{uuid}</Address></EndpointReference>"
    "<XAddrs>http://{host}/x</XAddrs></ProbeMatch>"
)
_ANSWER = (
    "<e:Envelope xmlns:e='e'><e:Header><RelatesTo>urn:uuid:{relates}</RelatesTo></e:Header>"
    "<e:Body><ProbeMatches>{matches}</ProbeMatches></e:Body></e:Envelope>"
)


class Host(asyncio.DatagramProtocol):
    """Answers each probe `times`, each time with as many matches as are read."""

    def __init__(self, address: str, times: int, matches: int) -> None:
        self._address, self._times, self._matches = address, times, matches

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = re.search(rb"MessageID>urn:uuid:([0-9a-f-]+)<", data)
        assert asked
        matches = _MATCH.format(uuid=UUID, host=self._address) * self._matches
        answer = _ANSWER.format(relates=asked[1].decode(), matches=matches).encode()
        for _ in range(self._times):
            self._transport.sendto(answer, addr)


@contextmanager
def port_of_all(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> Iterator[list[socket.socket]]:
    """A socket at each address, all with one port, which is asked."""
    with ExitStack() as stack:
        socks: list[socket.socket] = []
        port = 0
        for address in addresses:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((address, port))
            sock.setblocking(False)
            port = sock.getsockname()[1]
            socks.append(sock)
        monkeypatch.setattr("camcast_onvif.probe.PORT", port)
        yield socks


async def test_one_host_that_floods_crowds_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    loud, quiet = "127.0.0.2", "127.0.0.3"
    heard = {loud: 0, quiet: 0}
    with port_of_all(monkeypatch, [loud, quiet]) as socks:
        for sock, address, times in zip(socks, (loud, quiet), (100, 1), strict=True):
            one = Host(address, times, 1)
            transport, _ = await loop.create_datagram_endpoint(lambda one=one: one, sock=sock)  # type: ignore[misc]
            assert transport is not None
        async for match in answers(0.6, hosts=[loud, quiet], everybody=False, log=LOG):
            heard[match.host] += 1
    assert 0 < heard[loud] <= MAX_EACH
    assert heard[quiet] > 0


async def test_the_time_is_over_also_where_answers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    addresses = [f"127.0.1.{number}" for number in range(1, 9)]
    late = 0
    with port_of_all(monkeypatch, addresses) as socks:
        for sock, address in zip(socks, addresses, strict=True):
            one = Host(address, 60, MAX_MATCHES)
            await loop.create_datagram_endpoint(lambda one=one: one, sock=sock)  # type: ignore[misc]
        until = loop.time() + 0.3
        async for _ in answers(0.3, hosts=addresses, everybody=False, log=LOG):
            late += loop.time() > until
            # Whoever looks at them is slower than they come.
            time.sleep(0.01)  # noqa: ASYNC251
    assert late <= 3 * MAX_MATCHES, "the answers of three datagrams at most"
