"""Hostile servers: they let a publisher in, and then make it work."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from camcast.flv import amf0
from camcast_rtmp.chunk import ChunkWriter
from camcast_rtmp.server import CHUNK_SIZE, ConnectAsked, PublishAsked, Server
from tests.hostile.script import Script, attacks, flood, say

_Attack = Callable[[asyncio.StreamWriter, int], Coroutine[Any, Any, None]]


def message(type: int, payload: bytes, *, stream_id: int = 0, channel: int = 4) -> bytes:
    """One message of at most 128 bytes as one chunk with a whole header (RTMP specification, 5.3.1.2.1)."""
    size = len(payload).to_bytes(3, "big")
    return bytes([channel]) + b"\0\0\0" + size + bytes([type]) + struct.pack("<I", stream_id) + payload


def publishing(attack: _Attack) -> Script:
    """Let the publisher in; then `attack` runs, with the number of its stream, while what it sends is thrown away."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server()
        while True:
            for event in server.feed(await _some(reader)):
                match event:
                    case ConnectAsked():
                        server.accept(event)
                    case PublishAsked(stream_id=stream_id):
                        server.accept_publish(event)
                        writer.write(b"".join(server.outgoing()))
                        attacking = asyncio.create_task(attack(writer, stream_id))
                        try:
                            while await reader.read(1 << 20):
                                pass
                        finally:
                            attacking.cancel()
                        return
                    case _:
                        continue
            writer.write(b"".join(server.outgoing()))

    return script


async def _some(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(65536)
    if not data:
        raise ConnectionResetError("gone")
    return data


WITHIN_THE_LIMIT = 200 * 1024
"""Bytes a second, below what a server may send to a publisher: it is their number that hurts."""


def flooding(data: bytes) -> Script:
    """One message again and again, in bytes not too many."""
    return publishing(lambda writer, stream_id: flood(writer, data, rate=WITHIN_THE_LIMIT))


EMPTY = flooding(message(20, b""))
EMPTY_DATA = flooding(message(18, b""))
COMMANDS = flooding(message(20, amf0.encode("onFun", 0.0, None)))
STATUS = flooding(
    message(20, amf0.encode("onStatus", 0.0, None, {"level": "status", "code": "NetStream.Data.Start"}), stream_id=1)
)
RESULTS = flooding(message(20, amf0.encode("_result", 4711.0, None, None)))
PINGS = flooding(message(4, struct.pack(">HI", 6, 1), channel=2))
ACKNOWLEDGEMENTS = flooding(message(3, struct.pack(">I", 1), channel=2))
CHUNK_SIZES = flooding(message(1, struct.pack(">I", 128), channel=2) + message(1, struct.pack(">I", 4096), channel=2))


BANDWIDTHS = flooding(message(6, struct.pack(">IB", 2_500_000, 2), channel=2))
"""Each is to be answered (RTMP specification, 5.4.5)."""
EVERY_BYTE = publishing(
    lambda writer, stream_id: flood(
        writer, message(5, struct.pack(">I", 1), channel=2) + message(4, b"\0\x1f" + bytes(60), channel=2), rate=4_000
    )
)
"""Wants each byte that it sends acknowledged (5.4.4), and sends what means nothing."""


async def _small_chunks(writer: asyncio.StreamWriter, stream_id: int) -> None:
    """Messages of 256 bytes in as many chunks."""
    writer.write(message(1, struct.pack(">I", 1), channel=2))
    await flood(writer, b"\3\0\0\0\0\1\0\x14\0\0\0\0\2" + b"\xc3\0" * 255, rate=WITHIN_THE_LIMIT)


SMALL_CHUNKS = publishing(_small_chunks)


async def come_back_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Has no time for an offer now, and none to lose either."""
    await reader.readuntil(b"\r\n\r\n")
    attacks()
    writer.write(b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


def _large(*values: object) -> bytes:
    """A command that needs more than `message` has."""
    writer = ChunkWriter()
    writer.chunk_size = CHUNK_SIZE
    return b"".join(writer.message(3, 20, 0, 0, amf0.encode(*values)))


AMF_BOMB = flooding(_large("onStatus", 0.0, None, [{"a": {"b": {"c": [None] * 40}}}] * 60))


def _growing(most: int = 120) -> Script:
    """Each message has one value more than the one before, up to `most` within `most`."""

    async def attack(writer: asyncio.StreamWriter, stream_id: int) -> None:
        attacks()
        for size in itertools.count(1):
            value = {f"k{at}": [None] * min(size, most) for at in range(min(size, most))}
            writer.write(_large("onStatus", 0.0, None, value))
            await writer.drain()
            await asyncio.sleep(0.01)

    return publishing(attack)


GROWING = _growing()
LONG_TEXTS = flooding(
    _large("onStatus", 0.0, None, {"level": "status", "code": "x" * 60, "description": "%25" * 20_000})
)
UNFINISHED = flooding(
    b"".join(bytes([channel]) + b"\0\0\0\0\xff\xff\x14\0\0\0\0" + bytes(CHUNK_SIZE) for channel in range(4, 8))
)
TOO_LARGE = flooding(b"\3\0\0\0\xff\xff\xff\x14\0\0\0\0" + bytes(128))


async def byte_by_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handshake, each byte in a packet of its own, that is never done."""
    writer.write(b"\3")
    attacks()
    while True:
        writer.write(b"\0")
        await writer.drain()
        await asyncio.sleep(0.0005)


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses, and names itself as the place to go to."""
    server = Server()
    port = writer.get_extra_info("sockname")[1]
    while True:
        for event in server.feed(await _some(reader)):
            if isinstance(event, ConnectAsked):
                there = {"code": 302.0, "redirect": f"rtmp://127.0.0.1:{port}/live"}
                server.refuse_connect(event, "NetConnection.Connect.Rejected", "moved", ex=there)
        writer.write(b"".join(server.outgoing()))


async def whip_redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Another place of its own at every request."""
    head = await reader.readuntil(b"\r\n\r\n")
    there = b"/x" + str(len(head)).encode()
    writer.write(b"HTTP/1.1 307 Moved\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n")


class Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram with a great many, of any bytes."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.floods: set[tuple[str, int]] = set()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address not in self.floods:
            self.floods.add(address)
            self._flood(address)

    def _flood(self, address: tuple[str, int]) -> None:
        attacks()
        for number in range(40):
            # As if of an SRT connection, control packets of every type by turns.
            self.transport.sendto(bytes((0x80, number % 9)) + random.randbytes(60 + 20 * number), address)
        asyncio.get_running_loop().call_later(0.005, self._flood, address)


async def datagrams() -> None:
    """Serve `Datagrams`; prints its port."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    say(transport.get_extra_info("sockname")[1])
    await asyncio.Event().wait()


async def endless_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer over HTTP whose body has no end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: /x\r\n\r\n")
    await flood(writer, b"a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n")


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An answer over HTTP whose header has no end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 201 Created\r\n")
    await flood(writer, b"X-More: and more\r\n")


async def endless_interim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Interim answers over HTTP (RFC 9110, 15.2), and never the one that counts."""
    await reader.readuntil(b"\r\n\r\n")
    await flood(writer, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
