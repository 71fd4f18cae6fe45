"""Hostile WebRTC servers: they take the stream, and then flood the way back. aiohttp and aiortc speak for them."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from tests.hostile.datagrams import Over, pour, repeated
from tests.hostile.script import say


class Talk:
    """One publisher's connection, as those need it who flood it."""

    def __init__(self, offer: str, peer: Any) -> None:
        found = re.search(r"m=video.*?^a=ssrc:(\d+)", offer, re.DOTALL | re.MULTILINE)
        self.ssrc = int(found[1]) if found else 0
        self.peer = peer
        self.dtls = peer.getTransceivers()[0].receiver.transport
        self.ice = self.dtls.transport._connection
        """aioice's connection."""

    def raw(self, data: bytes) -> None:
        pair = self.ice._nominated.get(1)
        if pair is None:
            raise Over
        pair.protocol.transport.sendto(data, pair.remote_addr)

    def rtcp(self, data: bytes) -> None:
        self.raw(self.dtls._tx_srtp.protect_rtcp(data))

    @property
    def there(self) -> tuple[str, int]:
        address: tuple[str, int] = self.ice._nominated[1].remote_addr
        return address

    def check(self) -> bytes:
        """A connectivity check that is right in every respect (RFC 8445 §7.2)."""
        request = self.ice.build_request(self.ice._nominated[1], nominate=False)
        request.add_message_integrity(self.ice.remote_password.encode())
        return bytes(request)


Attack = Callable[[Talk], Coroutine[Any, Any, None]]


def serving(attack: Attack) -> Callable[[], Coroutine[Any, Any, None]]:
    """An endpoint that takes everybody; `attack` runs for each once media flows. Prints its port."""

    async def serve() -> None:
        import aioice.ice
        import aiortc.rtcrtpreceiver
        from aiohttp import web
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        async def nobody_looks(*_: Any, **__: Any) -> None: ...

        # Media stays on the loopback, and is not looked at.
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
        aiortc.rtcrtpreceiver.RTCRtpReceiver._handle_rtp_packet = nobody_looks  # type: ignore[method-assign]
        works: set[asyncio.Task[None]] = set()

        async def publish(request: web.Request) -> web.Response:
            peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            offer = await request.text()
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await peer.setLocalDescription(await peer.createAnswer())

            @peer.on("connectionstatechange")
            def changed() -> None:
                if peer.connectionState == "connected":
                    work = asyncio.ensure_future(attack(Talk(offer, peer)))
                    works.add(work)
                    work.add_done_callback(works.discard)

            headers = {"Location": "/session", "Content-Type": "application/sdp"}
            return web.Response(status=201, headers=headers, text=peer.localDescription.sdp)

        async def others(request: web.Request) -> web.Response:
            return web.Response(status=204)

        app = web.Application()
        app.router.add_post("/{path:.*}", publish)
        app.router.add_route("*", "/{path:.*}", others)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        say(runner.addresses[0][1])
        await asyncio.Event().wait()

    return serve


def reporting(data: Callable[[int], bytes]) -> Callable[[], Coroutine[Any, Any, None]]:
    """RTCP about our picture's SSRC, without end."""
    return serving(lambda talk: pour(talk.rtcp, repeated(data(talk.ssrc))()))


def _feedback(kind: int, form: int, ssrc: int, more: bytes = b"") -> bytes:
    """RFC 4585 §6.1."""
    return struct.pack(">BBHII", 0x80 | form, kind, 2 + len(more) // 4, 1, ssrc) + more


PLI = reporting(lambda ssrc: _feedback(206, 1, ssrc))
NACK = reporting(lambda ssrc: _feedback(205, 1, ssrc, struct.pack(">HH", 1, 0xFFFF) * 300))
REPORTS = reporting(lambda ssrc: struct.pack(">BBHI", 0x81, 201, 7, 1) + struct.pack(">IIIIII", ssrc, 0, 0, 0, 0, 0))
RUBBISH = serving(lambda talk: pour(talk.raw, repeated(b"\x80\xc8" + bytes(1000))()))
DTLS = serving(lambda talk: pour(talk.raw, repeated(b"\x16\xfe\xfd" + bytes(10) + b"\x00\x40" + bytes(64))()))
CHECKS = serving(lambda talk: pour(talk.raw, repeated(talk.check())()))


async def _from_many_ports(talk: Talk) -> None:
    """Checks that are right but for where they come from: each port would be one more way to the server."""
    sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(200)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    there, turns = talk.there, itertools.cycle(sockets)
    try:
        await pour(lambda data: next(turns).sendto(data, there), repeated(talk.check())())
    finally:
        for sock in sockets:
            sock.close()


FROM_MANY_PORTS = serving(_from_many_ports)


def _rubbish() -> Iterator[bytes]:
    return itertools.cycle((b"\x80\xc8" + bytes(100), b"\x16\xfe\xfd" + bytes(100), bytes(2) + bytes(100)))


async def _from_elsewhere(talk: Talk) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.setblocking(False)
        await pour(lambda data: stranger.sendto(data, talk.there), _rubbish())


FROM_ELSEWHERE = serving(_from_elsewhere)
