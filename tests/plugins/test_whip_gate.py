"""How much of what comes to a WebRTC connection is looked at, and of whom."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from aiortc.rtp import RTCP_RTPFB_NACK, RtcpRtpfbPacket
from OpenSSL import SSL
from tests.plugins.source_kit import until

from camcast.media import MediaKind
from camcast.net import datagrams
from camcast_whip import gate as gates
from camcast_whip.gate import BURST, BYTES_BURST, Gate
from camcast_whip.peer import _Certificate
from camcast_whip.rtp import Parameters
from camcast_whip.track import MISSED_BURST, OutgoingTrack


class Protocol(asyncio.DatagramProtocol):
    """What aioice has for each socket."""

    transport: Any

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.append(data)


class Guarded:
    """A socket behind a gate."""

    def __init__(self, gate: Gate, protocol: Protocol, offences: list[str]) -> None:
        self.gate, self.protocol, self.offences = gate, protocol, offences
        self.address = protocol.transport.get_extra_info("sockname")


async def guarded() -> Guarded:
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, ("127.0.0.1", 0))
    offences: list[str] = []
    gate = Gate(offences.append)
    gate.guard(protocol)
    return Guarded(gate, protocol, offences)


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.2", 0))
        yield sock


async def poured(sock: socket.socket, one: Guarded, data: bytes, count: int) -> None:
    """One a turn of the loop, which takes one a turn."""
    for _ in range(count):
        sock.sendto(data, one.address)
        await asyncio.sleep(0)


async def test_a_server_that_floods_is_cut_off_once(peer: socket.socket) -> None:
    one = await guarded()
    one.gate.settle([peer.getsockname()])
    await poured(peer, one, b"x" * 20, 2 * BURST)
    await until(lambda: one.offences)
    await poured(peer, one, b"x" * 20, BURST)
    assert one.offences == ["the server sends more than 500 datagrams or 250 kB in a second: cut off"]
    assert len(one.protocol.received) <= BURST * 1.5
    one.protocol.transport.close()


async def test_a_flood_is_one_also_where_a_busy_machine_takes_in_little_of_it(
    peer: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "STANDING", 1.0)
    for rate in ("RATE", "BYTES_RATE"):  # as it is where each of them takes long
        monkeypatch.setattr(gates, rate, 1_000_000_000)
    one = await guarded()
    one.gate.settle([peer.getsockname()])
    peer.setblocking(False)

    def flooded() -> bool:
        for _ in range(300):
            with contextlib.suppress(BlockingIOError):
                peer.sendto(b"x" * 20, one.address)
        return bool(one.offences)

    await until(flooded)
    assert one.offences == ["the server sends more than is taken in here, for 1 s: cut off"]
    one.protocol.transport.close()


async def test_few_datagrams_may_be_too_many_bytes(peer: socket.socket) -> None:
    one = await guarded()
    one.gate.settle([peer.getsockname()])
    await poured(peer, one, b"x" * 10_000, BYTES_BURST // 10_000 + 400)
    await until(lambda: one.offences)
    assert len(one.protocol.received) < BURST
    one.protocol.transport.close()


async def test_what_strangers_send_is_not_the_servers_fault(peer: socket.socket, stranger: socket.socket) -> None:
    one = await guarded()
    one.gate.settle([("127.0.0.9", 9), peer.getsockname()])
    await poured(stranger, one, b"stranger", 2 * BURST)
    peer.sendto(b"server", one.address)
    await until(lambda: one.protocol.received)
    assert one.protocol.received == [b"server"]
    assert one.gate.dropped == 0
    assert not one.offences
    one.protocol.transport.close()


async def test_without_the_kernels_help_strangers_are_told_by_their_address(
    peer: socket.socket, stranger: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagrams, "only_from", lambda sock, senders: False)
    one = await guarded()
    one.gate.settle([peer.getsockname()])
    await poured(stranger, one, b"stranger", 2 * BURST)
    peer.sendto(b"server", one.address)
    await until(lambda: one.protocol.received)
    assert one.protocol.received == [b"server"]
    assert one.gate.dropped > BURST
    assert not one.offences
    one.protocol.transport.close()


async def test_before_there_is_a_path_a_flood_only_waits(
    peer: socket.socket, stranger: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "REST", 0.01)
    one = await guarded()
    await poured(stranger, one, b"stranger", 2 * BURST)
    await until(lambda: one.gate.dropped)
    assert not one.offences

    def comes() -> bool:
        peer.sendto(b"server", one.address)
        return b"server" in one.protocol.received

    await until(comes)
    one.protocol.transport.close()


async def test_a_socket_that_is_closed_meanwhile_is_left_alone(
    stranger: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "REST", 0.01)
    troubles: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
    one = await guarded()
    await poured(stranger, one, b"stranger", 2 * BURST)
    await until(lambda: one.gate.dropped)
    one.protocol.transport.close()
    await asyncio.sleep(0.03)
    assert not troubles


async def test_asking_for_everything_again_is_an_offence() -> None:
    sent: list[bytes] = []
    offences: list[str] = []
    parameters = Parameters(ssrc=7, payload_type=96, clock_rate=90_000, mid="0")
    track = OutgoingTrack(
        MediaKind.VIDEO, "h264", parameters, 1200, send=sent.append, keyframe_wanted=lambda: None,
        heard=lambda: None, offence=offences.append,
    )  # fmt: skip
    (packet,) = track.stream.packets([b"hello"], 0, 5)
    (number,) = struct.unpack_from(">H", packet, 2)
    asked = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=7, lost=[number])
    await track._handle_rtcp_packet(asked)
    assert sent == [packet]
    asked.lost = [number] * (MISSED_BURST // 4)
    for _ in range(3):
        await track._handle_rtcp_packet(asked)
    assert not offences
    for _ in range(2):
        await track._handle_rtcp_packet(asked)
    assert offences[0] == "the server asks for more than 10000 packets in a second again: cut off"


def carried(sender: SSL.Connection, receiver: SSL.Connection) -> int:
    """Bytes that went over."""
    count = 0
    while True:
        try:
            data = sender.bio_read(65536)
        except SSL.WantReadError:
            return count
        count += len(data)
        receiver.bio_write(data)


def shaken(first: SSL.Connection, second: SSL.Connection) -> int:
    """Bytes that the first sends for it."""
    count = 0
    for _ in range(20):
        for one, other in ((first, second), (second, first)):
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            size = carried(one, other)
            count += size if one is first else 0
    return count


@pytest.mark.parametrize("kind", [RTCCertificate, _Certificate])
def test_hands_are_shaken_once(kind: type[RTCCertificate]) -> None:
    server_context = RTCCertificate.generateCertificate()._create_ssl_context(SRTP_PROFILES)
    client, server = (
        SSL.Connection(context)
        for context in (kind.generateCertificate()._create_ssl_context(SRTP_PROFILES), server_context)
    )
    client.set_connect_state()
    server.set_accept_state()
    assert shaken(client, server) > 500
    assert server.get_peer_certificate() is not None
    # The server asks for another handshake (RFC 5246 §7.4.1.1).
    server.renegotiate()
    with contextlib.suppress(SSL.WantReadError):
        server.do_handshake()
    assert carried(server, client) > 0
    with pytest.raises(SSL.Error):
        client.recv(100)
    answered = carried(client, server)
    # An alert says no; a whole ClientHello would be the beginning of a new handshake.
    assert (answered > 100) is (kind is RTCCertificate)
