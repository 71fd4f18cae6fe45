"""Sources of each kind in one process, whoever pushes to those that listen, and what came of each at a receiver."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from camcast.media import NS_PER_S
from camcast.testing.recording import Recording
from camcast_rtmp.receiver import Receiver
from tests.cameras import rtp
from tests.cameras.script import NEVER, Script
from tests.cameras.server import Camera
from tests.command_run import command_run
from tests.integration.kit import until
from tests.integration.late_packets import Clip, Times
from tests.servers.process import free_port, listens

KEY = "s3cret-gate"


class Sources:
    """By name, one camera each. What is pushed is pushed once all of them listen."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._sources: dict[str, dict[str, Any]] = {}
        self._listening: list[tuple[int, bool]] = []
        """Ports, and whether they are of UDP."""
        self._pushes: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def file(self, name: str, path: Path) -> None:
        self._sources[name] = {"type": "file", "url": str(path), "options": {"loop": False}}

    async def camera(self, name: str, tracks: Sequence[rtp.Track], **more: Any) -> None:
        """An RTSP camera that sends these."""
        camera = await self._stack.enter_async_context(Camera(Script([*tracks], beginning=NEVER, ending="silence")))
        self._sources[name] = {"type": "rtsp", "url": camera.url, **more}

    def rtmp(self, name: str, clip: Clip, times: Times) -> None:
        port = free_port()
        url = f"rtmp://127.0.0.1:{port}/live/{KEY}"
        self._sources[name] = {"type": "rtmp", "url": url, "options": {"mode": "listen"}}
        self._listening.append((port, False))
        self._pushes.append(lambda: clip.publish(url, times))

    def srt(self, name: str, clip: Clip, stream: Path) -> None:
        """`stream`: the clip as a transport stream."""
        port = free_port(kind=socket.SOCK_DGRAM)
        self._sources[name] = {"type": "srt", "url": f"srt://127.0.0.1:{port}?mode=listener&streamid={KEY}"}
        self._listening.append((port, True))
        self._pushes.append(lambda: clip.call(stream, f"srt://127.0.0.1:{port}?streamid={KEY}"))

    async def play(self, folder: Path) -> tuple[Mapping[str, Sequence[Recording]], str]:
        """All of them to their ends: what came of each, and what the process said."""
        receiver = await self._stack.enter_async_context(Receiver())
        keys = {name: f"cam{number}" for number, name in enumerate(self._sources)}
        cameras = [
            {
                "camera_id": number,
                "streams": [{"source": source, "outputs": {"o": {"url": receiver.url("live", keys[name])}}}],
            }
            for number, (name, source) in enumerate(self._sources.items())
        ]
        with command_run(folder, {"system": {"max_cameras": len(cameras)}, "cameras": cameras}) as command:
            pid = command.process.pid
            await until(lambda: all(listens(pid, port, udp=udp) for port, udp in self._listening), 60)
            await asyncio.gather(*(push() for push in self._pushes))
            await until(lambda: all(_is_over(receiver.of(key)) for key in keys.values()), 60)
            command.process.terminate()
            command.process.wait(30)
        return {name: [*receiver.of(key)] for name, key in keys.items()}, command.log


def _is_over(recordings: Sequence[Recording]) -> bool:
    """Whether something came, and nothing has for a while."""
    return bool(recordings) and time.monotonic_ns() - max(one.arrivals[-1] for one in recordings) > 3 * NS_PER_S
