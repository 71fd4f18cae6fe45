"""The engine in the made-up world: cameras that fail and come back, changes at run time, reload by difference."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import AUDIO, VIDEO, World, picture, sound, until

from camcast.config import CameraConfig, Config, EncoderConfig, RetryPolicy, SourceConfig, StreamConfig, SystemConfig
from camcast.engine import Engine
from camcast.errors import ConfigError, SourceError
from camcast.events import SourceChanged, SourceNote, SourceState

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=None)


def source_state(world: World) -> SourceState:
    assert world.engine is not None
    return world.engine.cameras.stream(0, 0).state


async def test_a_lost_camera_comes_back_and_the_timeline_goes_on(world: World):
    config = world.config(chain("a"))
    stream = attrs.evolve(config.cameras[0].streams[0], source=SourceConfig(type="scripted", retry_policy=QUICK))
    world.engine = Engine(
        attrs.evolve(config, cameras=(attrs.evolve(config.cameras[0], streams=(stream,)),)), host=world.host
    )
    await world.engine.start()
    await until(lambda: world.sinks)
    world.flow()
    await until(lambda: world.servers.live("a") and len(world.servers.live("a")[0].units) > 10)
    assert world.source is not None
    world.source.end.set_exception(SourceError("the camera closed the connection"))
    world.number = 0
    await until(lambda: world.runs == 2 and source_state(world) is SourceState.RUNNING)
    seen = len(world.servers.live("a")[0].units)
    await until(lambda: len(world.servers.live("a")[0].units) > seen + 10)
    times = world.servers.live("a")[0].times()
    assert times == sorted(times)
    assert len(world.servers.at("a")) == 1
    assert [e.new for e in world.of(SourceChanged)][:4] == [
        SourceState.STARTING,
        SourceState.RUNNING,
        SourceState.WAITING,
        SourceState.STARTING,
    ]
    assert world.engine.stats().streams[0].restarts == 1
    assert world.engine.stats().streams[0].last_error == "the camera closed the connection"


async def test_a_fatal_source_error_is_the_end(world: World):
    await world.start(flowing=False)
    assert world.source is not None
    world.source.end.set_exception(SourceError("no such device", fatal=True))
    await until(lambda: source_state(world) is SourceState.FAILED)
    assert world.engine.sources_ended


async def test_a_source_that_ends_is_ended(world: World):
    await world.start(flowing=False)
    assert world.source is not None
    world.source.end.set_result(None)
    await until(lambda: source_state(world) is SourceState.ENDED)


async def test_unknown_source_types_fail_with_what_is_known(world: World):
    config = Config(cameras=(CameraConfig(streams=(StreamConfig(source=SourceConfig(type="nosuch")),)),))
    world.engine = Engine(config, host=world.host)
    await world.engine.start()
    await until(lambda: source_state(world) is SourceState.FAILED)
    assert world.of(SourceChanged)[-1].reason == 'unknown source type "nosuch"; known: scripted'


async def test_cameras_are_added_and_removed_while_others_run(world: World):
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    other = CameraConfig(camera_id=-1, streams=(StreamConfig(source=SourceConfig(type="scripted"), sessions=()),))
    camera = await engine.add_camera(other)
    assert camera.camera_id == 1
    await until(lambda: (1, 0) in world.sinks)
    await engine.remove_camera(1)
    assert (1, 0) not in world.sinks
    with pytest.raises(KeyError):
        await engine.remove_camera(1)
    assert len(world.servers.at("a")) == 1


async def test_too_many_cameras_is_an_error_that_names_the_limit(world: World):
    world.engine = Engine(Config(system=SystemConfig(max_cameras=1)), host=world.host)
    await world.engine.start()
    one = CameraConfig(camera_id=0, streams=())
    await world.engine.add_camera(one)
    with pytest.raises(ConfigError, match=r"camera_id: 0 is taken"):
        await world.engine.add_camera(one)
    with pytest.raises(ConfigError, match=r"system\.max_cameras: there are 1 cameras already"):
        await world.engine.add_camera(attrs.evolve(one, camera_id=1))


async def test_reload_touches_only_what_changed(world: World):
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    await until(lambda: world.servers.live("a") and world.servers.live("b"))
    same = engine.sessions.get(KEY)
    new = world.config(chain("a"), chain("c", output="cloud"), chain("d", output="more"))
    assert sorted(await engine.reload(new)) == ["session cam0_main/cloud restarted", "session cam0_main/more added"]
    await until(lambda: world.servers.live("c") and world.servers.live("d"))
    assert engine.sessions.get(KEY) is same
    assert len(world.servers.at("a")) == 1
    assert not world.servers.live("b")
    assert await engine.reload(new) == []
    changed = world.config(chain("a"), encoder=EncoderConfig(gop=4))
    assert await engine.reload(changed) == ["camera 0 restarted"]
    assert await engine.reload(Config()) == ["camera 0 removed"]
    assert len(engine.cameras) == 0


async def test_sound_and_picture_are_published_together(world: World):
    world.tracks = (VIDEO, AUDIO)
    await world.start(chain("a"), flowing=False)
    sink = world.sinks[0, 0]
    for number in range(40):
        sink.packet(picture(number, key=number % 5 == 0))
        sink.packet(sound(number))
        await asyncio.sleep(0.002)
    await until(lambda: world.servers.live("a"))
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo", "toyaudio"]


async def test_new_parameters_are_announced_once_before_their_keyframe(world: World):
    await world.start(chain("a"))
    await until(lambda: world.servers.live("a") and len(world.servers.live("a")[0].units) > 10)
    world.still()
    new = attrs.evolve(VIDEO, config=b"new", width=128)
    while world.number % world.gop:
        world.next()
    for _ in range(8):
        world.next(track=new)
    bodies = [bytes(unit.body) for unit, _ in world.servers.live("a")[0].units]
    assert bodies.count(b"header new") == 1
    assert bodies.count(b"header vc") == 1


async def test_a_stream_unlike_its_configuration_is_told_once(world: World):
    await begin(world, world.config(chain("a"), encoder=EncoderConfig(width=1920, height=1080, framerate=50)))
    world.flow()
    await until(lambda: world.servers.live("a"))
    assert [note.message for note in world.of(SourceNote)] == [
        "width is 64, the configuration expects 1920; sent as it comes",
        "height is 48, the configuration expects 1080; sent as it comes",
        "framerate is 25, the configuration expects 50; sent as it comes",
    ]


async def test_a_copied_stream_of_another_codec_is_an_error_that_names_both(world: World):
    await begin(world, world.config(chain("a"), encoder=EncoderConfig(type="OTHER_CBR", codec="other")))
    world.flow()
    await until(lambda: source_state(world) is SourceState.FAILED)
    assert world.of(SourceChanged)[-1].reason == (
        "the source sends toyvideo, but encoder.type is OTHER_CBR: set the camera or the type right, "
        'or encode anew by "transcode": true'
    )


async def begin(world: World, config: Config) -> None:
    """Start an engine on a whole configuration."""
    world.engine = Engine(config, host=world.host)
    await world.engine.start()
    await until(lambda: world.sinks)


async def test_events_reach_every_reader_and_end_with_the_engine(world: World):
    engine = await world.start(chain("a"), flowing=False)
    reader = engine.events()
    seen = []

    async def read() -> None:
        seen.extend([event async for event in reader])

    task = asyncio.create_task(read())
    world.flow()
    await until(lambda: world.servers.live("a"))
    await world.close()
    await asyncio.wait_for(task, 2)
    assert [type(e).__name__ for e in seen][:2] == ["SourceChanged", "StateChanged"]


async def test_a_hook_that_raises_keeps_nobody_from_hearing(world: World):
    from camcast.hooks import hookimpl

    class Bad:
        @hookimpl
        def camcast_session_event(self, event):
            raise RuntimeError("bad watcher")

    world.host.register(Bad())
    await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    assert world.events


async def test_an_engine_starts_once(world: World):
    engine = await world.start()
    with pytest.raises(RuntimeError, match="started once"):
        await engine.start()
