"""A camera and servers at a link-local address with its zone, in a network of their own.

`test_zones.py` runs it in a network namespace whose only link has the address. Each line says what came of one URL.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig
from camcast.events import AttemptFailed, SourceChanged
from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera

LINK = "lo"
ADDRESS = "fe80::1"
SECONDS = 6.0
SPELLINGS = {"rfc": f"[{ADDRESS}%25{LINK}]", "people": f"[{ADDRESS}%{LINK}]"}
FIRST: dict[str, Callable[[bytes], bool]] = {
    # What a client says first, by the scheme of the URL.
    "rtmp": lambda data: data[:1] == b"\x03",
    "rtmps": lambda data: data[:1] == b"\x16",
    # The zone is this machine's own affair.
    "http": lambda data: data[:4] in (b"POST", b"OPTI", b"HEAD", b"GET ") and f"[{ADDRESS}]".encode() in data,
}


def listen(kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket at the link-local address."""
    sock = socket.socket(socket.AF_INET6, kind)
    sock.bind((ADDRESS, 0, 0, socket.if_nametoindex(LINK)))
    sock.settimeout(SECONDS)
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


async def first_bytes(sock: socket.socket) -> bytes:
    """What the first client says."""

    def take() -> bytes:
        if sock.type == socket.SOCK_DGRAM:
            return sock.recv(2000)
        connection, _ = sock.accept()
        with connection:
            connection.settimeout(SECONDS)
            return connection.recv(2000)

    with contextlib.suppress(TimeoutError):
        return await asyncio.to_thread(take)
    return b""


async def failures(engine: Engine, told: list[str]) -> None:
    """Notes down why attempts and sources fail, until cancelled."""
    async for event in engine.events():
        if isinstance(event, AttemptFailed):
            told.append(event.error)
        elif isinstance(event, SourceChanged) and event.reason:
            told.append(event.reason)


async def publish(scheme: str, url: str, source: SourceConfig) -> str:
    """ "well", or what was told instead."""
    sock = listen(socket.SOCK_DGRAM if scheme == "srt" else socket.SOCK_STREAM)
    with sock:
        session = SessionConfig(camera_id=1, url=url.format(sock.getsockname()[1]))
        camera = CameraConfig(camera_id=1, streams=(StreamConfig(source=source, sessions=(session,)),))
        errors: list[str] = []
        async with Engine(Config(cameras=(camera,))) as engine:
            watching = asyncio.create_task(failures(engine, errors))
            data = await first_bytes(sock)
            watching.cancel()
    if FIRST.get(scheme, bool)(data):
        return "well"
    return f"{data[:20]!r} came; {errors}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def main() -> None:
    script = Script([rtp.video_track(clips.video("h264", frames=250))], beginning=NEVER)
    async with Camera(script, host=f"{ADDRESS}%{LINK}") as camera:
        for name, host in SPELLINGS.items():
            source = SourceConfig(type="rtsp", url=f"rtsp://{host}:{camera.port}/stream-one")
            for scheme, path in (("rtmp", "/live/a"), ("rtmps", "/live/a"), ("srt", "?streamid=a"), ("http", "/whip")):
                said = await publish(scheme, f"{scheme}://{host}:{{}}{path}", source)
                say(f"{name} {scheme}: {said}")
        say(f"camera: {camera.log.connections}")
        say(f"it was asked for: {', '.join({urlsplit(asked.url).netloc for asked in camera.log.asked})}")


if __name__ == "__main__":
    asyncio.run(main())
