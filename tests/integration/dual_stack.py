"""A camera and servers whose names stand for two addresses, of which one family is dead: what is sent there vanishes.

`test_dual_stack.py` runs it in a network of its own, where `dead6` has a dead IPv6 address and a live IPv4 one, and
`dead4` the other way round. Each line says what came of one URL, and after how long.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig
from tests.cameras import clips, rtp
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.cameras.zones import FIRST, failures, say

LIVE = {"dead6": "127.0.0.1", "dead4": "::1"}
"""Names, and their addresses at which somebody listens."""
PATHS = {"rtmp": "/live/a", "rtmps": "/live/a", "srt": "?streamid=a", "http": "/whip"}
SECONDS = 14.0


def listen(address: str, kind: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    sock.bind((address, 0))
    sock.settimeout(SECONDS)
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


def first_bytes(sock: socket.socket) -> bytes:
    """What the first client says."""
    with contextlib.suppress(TimeoutError):
        if sock.type == socket.SOCK_DGRAM:
            return sock.recv(2000)
        connection, _ = sock.accept()
        with connection:
            connection.settimeout(SECONDS)
            return connection.recv(2000)
    return b""


def speaks(scheme: str, data: bytes) -> bool:
    # The name is told to the server as it stands in the URL.
    return (
        data[:4] in (b"POST", b"OPTI") and b"Host: dead" in data if scheme == "http" else FIRST.get(scheme, bool)(data)
    )


async def publish(name: str, scheme: str, source: SourceConfig) -> str:
    """ "well in … s", or what was told instead."""
    with listen(LIVE[name], socket.SOCK_DGRAM if scheme == "srt" else socket.SOCK_STREAM) as sock:
        url = f"{scheme}://{name}:{sock.getsockname()[1]}{PATHS[scheme]}"
        session = SessionConfig(camera_id=1, url=url)
        camera = CameraConfig(camera_id=1, streams=(StreamConfig(source=source, sessions=(session,)),))
        errors: list[str] = []
        begun = time.monotonic()
        async with Engine(Config(cameras=(camera,))) as engine:
            watching = asyncio.create_task(failures(engine, errors))
            data = await asyncio.to_thread(first_bytes, sock)
            took = time.monotonic() - begun
            watching.cancel()
    return f"well in {took:.1f} s" if speaks(scheme, data) else f"{data[:20]!r} came; {errors}"


async def main() -> None:
    script = Script([rtp.video_track(clips.video("h264", frames=250))], beginning=NEVER)
    for name, address in LIVE.items():
        async with Camera(script, host=address) as camera:
            source = SourceConfig(type="rtsp", url=f"rtsp://{name}:{camera.port}/stream-one")
            outcomes = await asyncio.gather(*(publish(name, scheme, source) for scheme in PATHS))
        for scheme, outcome in zip(PATHS, outcomes, strict=True):
            say(f"{name} {scheme}: {outcome}")


if __name__ == "__main__":
    asyncio.run(main())
