"""Hostile servers: they let a publisher in, and then make it work."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from camcast.flv import amf0
from camcast_rtmp.server import ConnectAsked, PublishAsked, Server
from tests.hostile.script import Script, flood

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
PINGS = flooding(message(4, struct.pack(">HI", 6, 1), channel=2))
ACKNOWLEDGEMENTS = flooding(message(3, struct.pack(">I", 1), channel=2))
CHUNK_SIZES = flooding(message(1, struct.pack(">I", 128), channel=2) + message(1, struct.pack(">I", 4096), channel=2))


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
