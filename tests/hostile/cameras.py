"""Hostile cameras, over RTSP on one TCP connection."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import struct
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

import av
import numpy as np

from camcast.bitstream.nal import split_annexb
from tests.hostile.script import Script, attacks, flood

_Attack = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]
RATE = 90_000


@cache
def picture(width: int, height: int) -> tuple[bytes, ...]:
    """SPS, PPS and one keyframe of a grey picture of this size, as units without start codes."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="h264") as out:
        stream = out.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "x264-params": "sei=0:aud=0"}
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 128, np.uint8), format="rgb24")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return tuple(bytes(unit) for unit in split_annexb(memory.getvalue()) if unit[0] & 31 in (5, 7, 8))


def sdp(more: str = "") -> bytes:
    sets = ",".join(base64.b64encode(unit).decode() for unit in picture(320, 240)[:2])
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=control:*\r\n"
        "m=video 0 RTP/AVP 96\r\n"
        f"a=rtpmap:96 H264/{RATE}\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
        f"a=control:v\r\n{more}"
    ).encode()


def rtp(number: int, time: int, payload: bytes, *, marker: bool) -> bytes:
    """One packet with its interleaved header, on channel 0."""
    header = struct.pack(">BBHII", 0x80, 96 | (0x80 if marker else 0), number & 0xFFFF, time & 0xFFFFFFFF, 7)
    return struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload


async def request(reader: asyncio.StreamReader) -> tuple[list[str], str]:
    """The next request's lines and CSeq; what a reader reports meanwhile is skipped."""
    while True:
        first = await reader.readexactly(1)
        if first == b"$":
            _, size = struct.unpack(">BH", await reader.readexactly(3))
            await reader.readexactly(size)
            continue
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        cseq = next(line.partition(":")[2].strip() for line in lines if line.lower().startswith("cseq"))
        return lines, cseq


def playing(attack: _Attack, more: str = "", *, session: str = "1") -> Script:
    """Answers as a camera does until PLAY; then `attack` runs."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            lines, cseq = await request(reader)
            method = lines[0].split()[0]
            head = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nSession: {session}\r\n"
            body = b""
            if method == "OPTIONS":
                head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
            elif method == "DESCRIBE":
                body = sdp(more)
                head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
            elif method == "SETUP":
                head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            writer.write(head.encode() + b"\r\n" + body)
            if method == "PLAY":
                attacks()
                attacking = asyncio.create_task(attack(writer))
                try:
                    while await reader.read(65536):
                        pass
                finally:
                    attacking.cancel()
                return

    return script


def flooding(data: bytes) -> Script:
    return playing(lambda writer: flood(writer, data))


REQUESTS = flooding(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
ANSWERS = flooding(b"RTSP/1.0 200 OK\r\nCSeq: 4711\r\n\r\n")
MARKS = flooding(b"$\x09\x00\x00")
MARKS_BETWEEN = flooding(b"$x$y" * 8 + rtp(1, 1, b"\x41\x9a\x00", marker=True))
LONG_LINES = flooding(b"RTSP/1.0 200 " + b"OK " * 5000 + b"\r\nCSeq: 4711\r\n\r\n")


REPORTS = flooding(b"$\1\0\x1c" + bytes.fromhex("80c80006") + bytes(24))
GOODBYES = flooding(b"$\1\0\x08" + bytes.fromhex("81cb0001") + bytes(4))
SHORT_MEDIA = flooding(b"$\0\0\1a")


async def _many_units(writer: asyncio.StreamWriter) -> None:
    """Pictures of many units each, as aggregates of units of one byte."""
    number = 0
    aggregate = b"\x78" + b"\0\1\x06" * 450
    while True:
        writer.write(b"".join(rtp(number + n, (number + n) // 4, aggregate, marker=n % 4 == 3) for n in range(32)))
        number += 32
        await writer.drain()
        await asyncio.sleep(0)


MANY_UNITS = playing(_many_units)


async def _endless_unit(writer: asyncio.StreamWriter) -> None:
    """One unit in fragments, of which the last one never comes."""
    number = 0
    while True:
        start = 0x80 if not number else 0
        writer.write(rtp(number, 1, bytes((0x7C, start | 5)) + bytes(1300), marker=False))
        number += 1
        await writer.drain()
        await asyncio.sleep(0)


ENDLESS_UNIT = playing(_endless_unit)


async def _tiny(writer: asyncio.StreamWriter) -> None:
    number = 0
    while True:
        writer.write(b"".join(rtp(number + n, (number + n) * 3, b"\x41\x9a\x00", marker=True) for n in range(512)))
        number += 512
        await writer.drain()
        await asyncio.sleep(0)


TINY = playing(_tiny)


async def _sizes(writer: asyncio.StreamWriter) -> None:
    number = 0
    while True:
        for size in ((320, 240), (336, 256), (352, 272), (368, 288)):
            units = picture(*size)
            for unit in units:
                writer.write(rtp(number, number * 900, unit[:1400], marker=unit is units[-1]))
                number += 1
        await writer.drain()
        await asyncio.sleep(0)


SIZES = playing(_sizes)
BIG_SDP = playing(
    lambda writer: flood(writer, b"$\x09\x00\x00"),
    "".join(f"a=rtpmap:{n} X{n}/8000\r\na=rtcp-fb:{n} nack pli\r\n" for n in range(1000, 2150)),
)


def refusing(header: str, status: str = "401 Unauthorized") -> Script:
    """Every request gets this status and header."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, cseq = await request(reader)
            writer.write(f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{header}\r\n\r\n".encode())
            await writer.drain()

    return script


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """To itself, always."""
    _, cseq = await request(reader)
    port = writer.get_extra_info("sockname")[1]
    writer.write(f"RTSP/1.0 302 Moved\r\nCSeq: {cseq}\r\nLocation: rtsp://127.0.0.1:{port}/bad\r\n\r\n".encode())
    await writer.drain()


async def stale(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whatever it is answered was too late: another challenge each time (RFC 7616 §3.3), so it is to be tried again."""
    for number in itertools.count():
        _, cseq = await request(reader)
        challenge = f'Digest realm="x", nonce="{number:x}", stale=true'
        writer.write(f"RTSP/1.0 401 Again\r\nCSeq: {cseq}\r\nWWW-Authenticate: {challenge}\r\n\r\n".encode())
        await writer.drain()
        attacks()


async def _until_the_end(writer: asyncio.StreamWriter) -> None:
    """Pictures as they should be, so that nothing but the session is odd."""
    units = picture(320, 240)
    for number in itertools.count():
        for at, unit in enumerate(units):
            writer.write(rtp(number * 3 + at, number * 3600, unit[:1400], marker=at == len(units) - 1))
        await writer.drain()
        await asyncio.sleep(0.04)


HURRIED = playing(_until_the_end, session="1;timeout=0")
"""It wants to be asked whether it is there all the time."""
MANY_TRACKS = playing(
    lambda writer: flood(writer, b"$\x09\x00\x00"),
    "".join(f"m=audio 0 RTP/AVP 0\r\na=control:track{number}\r\n" for number in range(1500)),
)
CHALLENGE = refusing("WWW-Authenticate: Digest " + 'realm="x", nonce="' * 900)
CHALLENGE_COMMAS = refusing("WWW-Authenticate: " + "Digest a=," * 1600)
STATUS = refusing("X: y", "401 " + " \t" * 8000 + "x")


async def bytes_one_by_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A long answer, each byte in a packet of its own, for ever."""
    _, cseq = await request(reader)
    writer.write(f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: 65000\r\n".encode())
    attacks()
    while True:
        for byte in b"X-Header: a value that goes on and on\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
        await asyncio.sleep(0)
