"""Sources that listen, in a running engine: whom they wait for, whom they refuse, and in which process."""

from __future__ import annotations

from typing import Any

import pytest

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.camera.stats import StreamMetrics
from camcast.events import SourceState
from camcast.workers.remote import RemoteCamera
from camcast_rtmp.receiver import Receiver
from tests.integration.kit import camera, until
from tests.media import made
from tests.plugins.source_kit import program
from tests.plugins.test_rtmp_source import ffmpeg
from tests.servers.process import free_port

KEY = "s3cret-gate"


def listening(number: int, port: int, *sessions: SessionConfig) -> CameraConfig:
    source = SourceConfig(type="rtmp", url=url(number, port), options={"mode": "listen"})
    return CameraConfig(camera_id=number, streams=(StreamConfig(source=source, sessions=sessions),))


def url(number: int, port: int) -> str:
    return f"rtmp://127.0.0.1:{port}/live/{KEY}{number}"


@pytest.mark.parametrize("workers", [1, 2])
async def test_streams_of_one_port_are_published_to_however_many_processes_there_are(workers: int) -> None:
    port, clip = free_port(), made("h264_aac")
    async with Receiver() as receiver:
        there = [SessionConfig(camera_id=n, url=receiver.url("live", f"cam{n}")) for n in range(5)]
        cameras = [
            camera(number, clip, there[number]) if number < 3 else listening(number, port, there[number])
            for number in range(5)
        ]
        config = Config(system=SystemConfig(workers=workers), cameras=tuple(cameras))
        async with Engine(config) as engine:
            places = [one.worker if isinstance(one, RemoteCamera) else None for one in engine.cameras]
            assert places[3] is places[4]
            assert len(set(places)) == workers

            def stream(number: int) -> StreamMetrics:
                return next(one for one in engine.stats().streams if one.camera_id == number)

            await until(lambda: all(stream(n).waits_for for n in (3, 4)), 60)
            for number in (3, 4):
                assert stream(number).waits_for == f"a publisher at rtmp://127.0.0.1:{port}/live/***"
                assert stream(number).state is SourceState.STARTING
            more: Any = ("-stream_loop", "-1")
            async with (
                program(*ffmpeg(clip, url(3, port), *more, live=True)),
                program(*ffmpeg(clip, url(4, port), *more, live=True)),
            ):
                await until(lambda: len(receiver.live()) == 5, 60)
                assert not stream(3).waits_for
                async with program(*ffmpeg(clip, url(9, port))) as stranger:
                    assert await stranger.wait() != 0
                # The first at the address is told of those who named nobody.
                why = "an application or key that nobody here takes"
                await until(lambda: [stream(n).refused for n in (3, 4)] in ([{why: 1}, {}], [{}, {why: 1}]), 60)
            await until(lambda: all(stream(n).waits_for for n in (3, 4)), 60)
            assert KEY not in repr(engine.stats().streams)
