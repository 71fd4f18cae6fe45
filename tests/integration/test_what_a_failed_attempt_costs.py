"""What an attempt on a dead host costs, counted: hundreds of sessions make them for as long as a server is away.

Time says little on a machine that others use, and counts do not depend on it.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
from collections import Counter
from collections.abc import Coroutine
from types import FrameType
from typing import Any

import attrs
import pytest

from camcast import CameraConfig, Config, Engine, RetryPolicy, SessionConfig, SourceConfig, StreamConfig
from camcast.config import SystemConfig
from camcast.contracts import PushHandle
from camcast.host import PluginHost
from camcast.session.resolver import NameResolver
from camcast.session.session import Session
from camcast_file.shared import load
from tests.media import made
from tests.servers.process import free_port

ATTEMPTS = 40
WARM = 5
"""Attempts before: what is worked out once is not counted."""
CALLS = 225
"""Calls of camcast's functions, resumed coroutines included, that an attempt may take with the wait before it."""
EDGES = 1 / ATTEMPTS
"""Counting begins and ends anywhere within an attempt."""
TASKS = 2.1
"""One for each step that is a plugin's: to connect and to close. A few are the test's own."""


@attrs.define
class Cost:
    """Of one attempt."""

    calls: float
    tasks: float
    threads: float
    garbage: float
    """Objects that only the collector of cycles finds."""
    names: Counter[str]


def config(url: str) -> Config:
    policy = RetryPolicy(initial_delay=0.01, max_delay=0.01, max_attempts=None, jitter=0)
    session = SessionConfig(camera_id=0, url=url, retry_policy=policy, idle_timeout=60)
    # A program's, which then pushes no more: what media costs is not counted.
    stream = StreamConfig(stream_id=0, source=SourceConfig(type="push"), sessions=(session,))
    system = SystemConfig(max_connects_per_second=1000)
    return Config(cameras=(CameraConfig(camera_id=0, streams=(stream,)),), system=system)


def push(handle: PushHandle) -> None:
    clip = load(made("h264_only"), PluginHost(allow=["h264"]).codec)
    for packet in clip.packets[:3]:
        handle.packet(packet.payload, kind=packet.track.kind, dts=packet.dts, pts=packet.pts)


async def cost(url: str) -> Cost:
    loop, calls, tasks, threads = asyncio.get_running_loop(), Counter[str](), Counter[str](), Counter[str]()

    def task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any) -> asyncio.Task[Any]:
        tasks[getattr(work, "__qualname__", "?")] += 1
        return asyncio.Task(work, loop=loop, **more)

    def call(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and "camcast" in frame.f_code.co_filename:
            calls[frame.f_code.co_qualname] += 1

    start = threading.Thread.start

    def counted(self: threading.Thread) -> None:
        threads[self.name] += 1
        start(self)

    async with Engine(config(url)) as running:
        (session,) = running.sessions
        assert isinstance(session, Session)
        recorder = session.recorder
        handle = running.push(0, 0)
        await handle.ready()
        push(handle)

        async def until(attempts: int) -> None:
            async with asyncio.timeout(60):
                while recorder.failed_attempts < attempts:  # noqa: ASYNC110  nothing tells of one
                    await asyncio.sleep(0.05)

        await until(WARM)
        gc.collect()
        gc.disable()
        loop.set_task_factory(task)  # type: ignore[arg-type]
        before = recorder.failed_attempts
        threading.Thread.start = counted  # type: ignore[method-assign]
        sys.setprofile(call)
        try:
            await until(before + ATTEMPTS)
        finally:
            sys.setprofile(None)
            threading.Thread.start = start  # type: ignore[method-assign]
            loop.set_task_factory(None)
            count = recorder.failed_attempts - before
            garbage = gc.collect()
            gc.enable()
    return Cost(calls.total() / count, tasks.total() / count, threads.total() / count, garbage / count, calls)


async def test_an_attempt_that_is_refused_is_cheap() -> None:
    found = await cost(f"rtmp://127.0.0.1:{free_port()}/live/key")
    assert found.tasks <= TASKS
    assert found.threads == 0
    assert found.calls <= CALLS * (1 + EDGES), found.names.most_common(60)
    assert found.garbage < 3, "an attempt is freed when it is over, not when the collector comes round"


async def test_a_name_that_is_not_known_is_looked_up_on_a_thread_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: int, family: int) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(NameResolver.__init__, "__defaults__", (unknown,))
    found = await cost("rtmp://nobody.invalid/live/key")
    assert found.tasks <= TASKS
    assert found.threads <= 2 / ATTEMPTS
    assert found.calls <= CALLS * (1 + EDGES), found.names.most_common(60)
    assert found.garbage < 3
