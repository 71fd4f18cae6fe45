"""Floods of datagrams: how they are sent, and cameras whose media comes by UDP.

A flood ends by itself after `LONGEST` seconds, and keeps to `RATE`: what is tried is what a datagram costs, and the
machine is the good ones' too.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from tests.hostile.cameras import picture, request, rtp, sdp
from tests.hostile.script import OFTEN, Script, attacks

RATE = float(os.environ.get(OFTEN, 6_000))
"""Datagrams a second of one flood: three times what is borne of anybody, so that busy machines take that in, too."""
LONGEST = 60.0
_BATCH = 50

Address = tuple[str, int]


class Over(Exception):
    """Nobody is there any longer."""


async def pour(there: Callable[[bytes], object], datagrams: Iterator[bytes]) -> None:
    """Give `datagrams` to `there` at `RATE`; what the kernel has no room for is left out."""
    attacks()
    begun, sent = time.monotonic(), 0
    while time.monotonic() - begun < LONGEST:
        while sent < (time.monotonic() - begun) * RATE:
            for data in itertools.islice(datagrams, _BATCH):
                try:
                    there(data)
                except OSError:
                    await asyncio.sleep(0.01)
                except Over:
                    return
            sent += _BATCH
            await asyncio.sleep(0)
        await asyncio.sleep(_BATCH / RATE)


def repeated(data: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: itertools.repeat(data)


def packet(number: int, time: int, payload: bytes, *, marker: bool = True, ssrc: int = 7) -> bytes:
    """An RTP packet as a datagram."""
    whole = rtp(number, time, payload, marker=marker)[4:]
    return whole[:8] + struct.pack(">I", ssrc) + whole[12:]


async def media(sock: socket.socket, there: Address) -> None:
    """What a camera sends, 25 pictures a second."""
    number = 0
    for at in range(int(LONGEST * 25)):
        units = picture(320, 240)
        for unit in units:
            sock.sendto(packet(number, at * 3600, unit[:1400], marker=unit is units[-1]), there)
            number += 1
        await asyncio.sleep(0.04)


Attack = Callable[[socket.socket, Address, Address], Coroutine[Any, Any, None]]
"""Given the camera's socket, and where RTP and RTCP go."""


def playing(attack: Attack, *, also_media: bool = True) -> Script:
    """Answers as a camera that sends over UDP does until PLAY; then `attack` runs, beside its media."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("peername")[0]
        port = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            own = sock.getsockname()[1]
            while True:
                lines, cseq = await request(reader)
                method = lines[0].split()[0]
                head, body = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nSession: 1\r\n", b""
                if method == "DESCRIBE":
                    body = sdp()
                    head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
                elif method == "SETUP":
                    found = re.search(r"client_port=(\d+)", "\n".join(lines))
                    assert found is not None
                    port = int(found[1])
                    head += f"Transport: RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}\r\n"
                writer.write(head.encode() + b"\r\n" + body)
                if method == "PLAY":
                    works = [asyncio.create_task(attack(sock, (host, port), (host, port + 1)))]
                    if also_media:
                        works.append(asyncio.create_task(media(sock, (host, port))))
                    try:
                        while await reader.read(65536):
                            pass
                    finally:
                        for work in works:
                            work.cancel()
                        await asyncio.wait(works)
                    return

    return script


def flooding(datagrams: Callable[[], Iterator[bytes]], *, reports: bool = False, also_media: bool = True) -> Script:
    """From the camera's own socket to where its media goes, or its reports."""

    async def attack(sock: socket.socket, for_rtp: Address, for_rtcp: Address) -> None:
        there = for_rtcp if reports else for_rtp
        await pour(lambda data: sock.sendto(data, there), datagrams())

    return playing(attack, also_media=also_media)


def _numbers() -> Iterator[int]:
    return iter(itertools.count())


STRANGERS_MEDIA = flooding(lambda: (packet(n, n, b"\x41\x9a\x00", ssrc=n * 65537 & 0xFFFFFFFF) for n in _numbers()))
TWO_SENDERS = flooding(lambda: (packet(n, n * 3, b"\x41\x9a\x00", ssrc=8 + n // 2 % 2) for n in _numbers()))
REPEATS = flooding(repeated(packet(0, 0, b"\x41\x9a\x00")))
LEAPS = flooding(lambda: (packet(n * 2000, n, bytes(1200), marker=False) for n in _numbers()))
TINY = flooding(lambda: (packet(n, n * 3, b"\x41\x9a\x00") for n in _numbers()), also_media=False)
EMPTY = flooding(lambda: (packet(n, n * 3, b"", marker=False) for n in _numbers()), also_media=False)
RUBBISH = flooding(repeated(bytes(64)))

_SENDER_REPORT = bytes.fromhex("80c80006") + struct.pack(">I", 7) + bytes(20)
_GOODBYE = bytes.fromhex("81cb0001") + struct.pack(">I", 8)
SENDER_REPORTS = flooding(repeated(_SENDER_REPORT * 50), reports=True)
GOODBYES = flooding(repeated(_GOODBYE * 170), reports=True)
EMPTY_REPORTS = flooding(repeated(bytes.fromhex("80c90000") * 350), reports=True)


async def _from_elsewhere(sock: socket.socket, for_rtp: Address, for_rtcp: Address) -> None:
    """Somebody else's packets, with the camera's own SSRC, to both ports."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        stranger.setblocking(False)
        both = itertools.cycle((for_rtp, for_rtcp))
        await pour(
            lambda data: stranger.sendto(data, next(both)),
            (packet(n, n, b"\x41\x9a\x00") for n in _numbers()),
        )


FROM_ELSEWHERE = playing(_from_elsewhere)
