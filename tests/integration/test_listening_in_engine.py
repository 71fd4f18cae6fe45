"""Sources that listen, in a running engine: whom they wait for, whom they refuse, and in which process."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from camcast import CameraConfig, Config, Engine, SessionConfig, SourceConfig, StreamConfig, SystemConfig
from camcast.camera.stats import StreamMetrics
from camcast.errors import ConfigError
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


async def test_an_address_is_free_again_when_nobody_listens_at_it_any_more() -> None:
    port = free_port()
    config = Config(system=SystemConfig(workers=2), cameras=tuple(camera(n, made("h264_aac")) for n in range(2)))
    async with Engine(config) as engine:
        assert len({isinstance(one, RemoteCamera) for one in engine.cameras}) == 2
        first, other = (SessionConfig(camera_id=n, url=f"whep://127.0.0.1:{port}/{n}") for n in range(2))
        session = engine.sessions.create_session(first)
        with pytest.raises(ConfigError, match="which camera 0 has in another process"):
            engine.sessions.create_session(other)
        await engine.sessions.delete_session(session.key)
        engine.sessions.create_session(other)


async def test_a_camera_moves_where_the_address_is_that_a_stream_of_it_comes_to() -> None:
    port = free_port()
    first = listening(0, port)
    source = SourceConfig(type="rtmp", url=f"rtmp://127.0.0.1:{free_port()}/live/a")
    calling = CameraConfig(camera_id=1, streams=(StreamConfig(source=source),))
    late = attrs.evolve(listening(1, port).streams[0], stream_id=1, name="late")
    config = Config(system=SystemConfig(workers=2), cameras=(first, calling))
    more = attrs.evolve(config.cameras[1], streams=(*config.cameras[1].streams, late))
    async with Engine(config) as engine:
        assert len({isinstance(one, RemoteCamera) for one in engine.cameras}) == 2
        with pytest.raises(ConfigError, match=f"tcp 127.0.0.1:{port}, which camera 0 has .* and reload"):
            engine.cameras.add_stream(1, late)
        (line,) = await engine.reload(attrs.evolve(config, cameras=(first, more)))
        assert line == "camera 1 restarted (has an address in common with camera 0, and so its process)"
        assert len({isinstance(one, RemoteCamera) for one in engine.cameras}) == 1
        await until(lambda: [one.waits_for != "" for one in engine.stats().streams] == [True, False, True], 30)
