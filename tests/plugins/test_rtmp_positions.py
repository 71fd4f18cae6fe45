"""Where a unit ends in the bytes that a peer acknowledges, and which of them have left this machine, to the byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.plugins.rtmp_kit import AUDIO, VIDEO, attempt, drained
from tests.servers.certificates import Authority, Certificate

from camcast.contracts import unsent
from camcast.media import Tag, TagType
from camcast_rtmp.driver import MAX_MESSAGE, RtmpTransport
from camcast_rtmp.receiver import Receiver


@pytest.fixture(params=["rtmp", "rtmps"])
async def receiver(request: pytest.FixtureRequest, certificate: Certificate) -> AsyncIterator[Receiver]:
    tls = None
    if request.param == "rtmps":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate.cert_file, certificate.key_file)
    async with Receiver(tls=tls) as found:
        yield found


@pytest.fixture
async def transport(receiver: Receiver, authority: Authority) -> AsyncIterator[RtmpTransport]:
    fields: dict[str, Any] = {"ca_file": str(authority.ca_file)} if receiver.url().startswith("rtmps") else {}
    made, _ = attempt(receiver.url("live", "k", host="localhost"), **fields)
    await made.connect()
    await made.publish((VIDEO, AUDIO))
    await receiver.recording("k")
    yield made
    await made.close()


def picture(size: int) -> Tag:
    return Tag(TagType.VIDEO, 0, b"\x27\x01\0\0\0", bytes(size))


async def test_a_unit_is_acknowledged_exactly_when_its_position_is(transport: RtmpTransport) -> None:
    assert transport.acked == 0, "the handshake is no media"
    last = 0
    for index, size in enumerate((1, 5, 200, 60_000, 200_000, 0, 3)):
        position = transport.send(picture(size), index)
        assert position is not None
        assert position > last + size
        await drained(transport)
        assert transport.acked == position
        last = position
    assert transport.pending == 0
    assert unsent(transport) == 0


async def test_a_unit_that_is_left_out_ends_where_the_one_before_it_did(transport: RtmpTransport) -> None:
    first = transport.send(picture(10), 0)
    assert transport.send(picture(MAX_MESSAGE + 1), 1) == first
    assert transport.send(Tag(TagType.AUDIO, 1, b"", b""), 2) == first
    assert transport.send(picture(10), 3) != first


async def test_what_the_client_says_itself_is_counted_as_well(transport: RtmpTransport, receiver: Receiver) -> None:
    first = transport.send(picture(10), 0)
    assert first is not None
    receiver.ping(1)
    await receiver.until(lambda: list(receiver.pings) == [1])
    second = transport.send(picture(10), 0)
    assert second is not None
    assert second - first > 2 * 10, "the pong went between them"
    await drained(transport)
    assert transport.acked == second


async def test_a_peer_that_does_not_read_leaves_it_all_here(transport: RtmpTransport, receiver: Receiver) -> None:
    receiver.pause()
    last = 0
    for index in range(200):
        last = transport.send(picture(50_000), index) or 0
        if index % 20 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.15)  # the kernel is asked every 100 ms at most
    here, behind = unsent(transport), transport.pending
    assert here is not None
    line = transport._line
    assert line is not None
    tail = line.wire.tail_bytes
    assert tail < here <= behind, "of what the kernel holds a part has not been sent either"
    assert here > last - (8 << 20)
    receiver.resume()
    await drained(transport)
    assert (unsent(transport), transport.pending, transport.acked) == (0, 0, last)


async def test_nothing_is_unsent_once_it_is_over(transport: RtmpTransport, receiver: Receiver) -> None:
    receiver.pause()
    for index in range(100):
        transport.send(picture(50_000), index)
    await transport.close()
    assert (unsent(transport), transport.pending) == (0, 0)
