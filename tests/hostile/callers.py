"""Hostile callers: strangers at a port at which camcast listens, and publishers who know the key and mean no media."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from camcast.flv import amf0
from camcast.media import TagType
from camcast_kit_rtmp.state import State
from camcast_rtmp.client import Client, ClientSettings
from tests.hostile.cameras import picture
from tests.hostile.script import attacks, say
from tests.hostile.servers import message
from tests.servers.tls_flood import BETWEEN, flood_server

Attack = Callable[[int], Awaitable[object]]
"""Given the port; it is called again as soon as it is over."""
KEY = "bad"
_AGAIN = 0.01


def calling(attack: Attack, *, at_once: int = 1) -> Callable[[], Coroutine[Any, Any, None]]:
    """Prints a port that is free, and attacks whoever listens there from then on."""

    async def call() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        say(port)

        async def again_and_again() -> None:
            while True:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await attack(port)
                await asyncio.sleep(_AGAIN)

        await asyncio.gather(*(again_and_again() for _ in range(at_once)))

    return call


# --- strangers ----------------------------------------------------------------------------------------------


async def _silence(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    attacks()
    try:
        await reader.read(-1)
    finally:
        writer.transport.abort()


def _nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _handshake(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=_nobody())
    attacks()
    writer.transport.abort()


async def _key_updates(port: int) -> None:
    await flood_server(port, attacks)


async def _key_updates_between(port: int) -> None:
    await flood_server(port, attacks, between=BETWEEN)


def _saying(data: bytes, tls: ssl.SSLContext | None = None) -> Attack:
    """Says it again and again, as fast as it is taken, and hears nothing of what is answered."""

    async def say_it(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        attacks()
        try:
            while not writer.is_closing():
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            writer.transport.abort()

    return say_it


async def _commands(port: int) -> None:
    """Hands are shaken and the application is connected to; then commands come that mean nothing, and no picture."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
        while client.state is not State.CONNECTED:
            writer.writelines(client.outgoing())
            client.feed(await reader.read(65536))
        attacks()
        nothing = message(20, amf0.encode("releaseStream", 0.0, None, "x" * 60), channel=3)
        while not writer.is_closing():
            writer.write(nothing * 200)
            await writer.drain()
            await asyncio.sleep(0)
    finally:
        writer.transport.abort()


SILENCE = calling(_silence, at_once=200)
HANDSHAKES = calling(_handshake, at_once=16)
KEY_UPDATES = calling(_key_updates, at_once=4)
KEY_UPDATES_BETWEEN = calling(_key_updates_between, at_once=4)
REQUESTS = calling(_saying(b"GET /bad HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200, _nobody()), at_once=4)
OFFERS = calling(
    _saying(
        b"POST /bad HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: 12000\r\n\r\n"
        b"v=0\r\n" + b"a=x\r\n" * 2399,
        _nobody(),
    ),
    at_once=4,
)
COMMANDS = calling(_commands, at_once=4)


# --- publishers ---------------------------------------------------------------------------------------------

Pictures = Callable[[], Iterator[tuple[bytes, bytes]]]
"""Heads and bodies of messages of video, without end."""


def publishing(pictures: Pictures) -> Callable[[], Coroutine[Any, Any, None]]:
    async def publish(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            client = Client(ClientSettings(connect={"app": "live", "tcUrl": "rtmp://host/live"}, key=KEY))
            while client.state is not State.LIVE:
                if client.state is State.CONNECTED:
                    client.publish()
                writer.writelines(client.outgoing())
                client.feed(await reader.read(65536))
            attacks()
            for number, (head, body) in enumerate(pictures()):
                writer.writelines(client.media(TagType.VIDEO.value, number * 3, head, body))
                if not number % 16:
                    await writer.drain()
                    await asyncio.sleep(0)
                if writer.is_closing():
                    return
        finally:
            writer.transport.abort()

    return calling(publish)


def _record(sps: bytes, pps: bytes) -> bytes:
    sizes = [len(unit).to_bytes(2, "big") for unit in (sps, pps)]
    return b"\1" + sps[1:4] + b"\xff\xe1" + sizes[0] + sps + b"\1" + sizes[1] + pps


def _sized(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


_HEADER, _KEYFRAME = b"\x17\0\0\0\0", b"\x17\1\0\0\0"


def _sizes() -> Iterator[tuple[bytes, bytes]]:
    for size in itertools.cycle(((320, 240), (336, 256))):
        sps, pps, *slices = picture(*size)
        yield _HEADER, _record(sps, pps)
        yield _KEYFRAME, _sized(*slices)


def _beginning() -> Iterator[tuple[bytes, bytes]]:
    sps, pps, *slices = picture(320, 240)
    yield _HEADER, _record(sps, pps)
    yield _KEYFRAME, _sized(*slices)


def _sets() -> Iterator[tuple[bytes, bytes]]:
    """As many parameter sets as are taken of one picture, in each others: their last byte is of no meaning."""
    yield from _beginning()
    sps, *_, piece = picture(320, 240)
    for number in itertools.count():
        yield _KEYFRAME, _sized(*(sps + (number * 64 + n).to_bytes(4, "big") + b"\x80" for n in range(60)), piece)


def _tracks() -> Iterator[tuple[bytes, bytes]]:
    yield from _beginning()
    yield from itertools.repeat((b"\x96\x13hvc1", b"\0\0\0\0" * 500_000))


def _units() -> Iterator[tuple[bytes, bytes]]:
    yield from _beginning()
    yield from itertools.repeat((b"\x27\1\0\0\0", bytes(4_000_000)))


def _messages() -> Iterator[tuple[bytes, bytes]]:
    """Of SEI, in front of a picture that may be one to begin at."""
    yield from _beginning()
    piece = picture(320, 240)[-1]
    yield from itertools.repeat((_KEYFRAME, _sized(b"\6" + b"\5\0" * 500_000 + b"\x80", b"\x61" + piece[1:])))


SIZES = publishing(_sizes)
SETS = publishing(_sets)
TRACKS = publishing(_tracks)
UNITS = publishing(_units)
MESSAGES = publishing(_messages)
