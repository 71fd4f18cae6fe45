"""The engine in the made-up world: cameras that fail and come back, changes at run time, reload by difference."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, Never

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import AUDIO, TOY_VIDEO, VIDEO, World, picture, sound, until

from camcast.camera.handles import CameraHandle
from camcast.camera.manager import CameraManager
from camcast.config import (
    CameraConfig,
    Config,
    EncoderConfig,
    RetryPolicy,
    SlateConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.engine import Engine
from camcast.errors import ConfigError, SourceError
from camcast.events import AttemptFailed, SessionState, SourceChanged, SourceNote, SourceState
from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, Confidence, Take

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=None)


def source_state(world: World) -> SourceState:
    return world.engine.cameras.stream(0, 0).state


def toy(engine: Engine) -> CameraHandle:
    camera = engine.cameras.get(0)
    assert camera is not None
    return camera


async def test_a_lost_camera_comes_back_and_the_timeline_goes_on(world: World) -> None:
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


async def test_a_source_that_ends_is_ended(world: World) -> None:
    await world.start(flowing=False)
    assert world.source is not None
    world.source.end.set_result(None)
    await until(lambda: source_state(world) is SourceState.ENDED)


async def test_unknown_source_types_fail_with_what_is_known(world: World) -> None:
    config = Config(cameras=(CameraConfig(streams=(StreamConfig(source=SourceConfig(type="nosuch")),)),))
    with pytest.raises(ConfigError) as error:
        Engine(config, host=world.host)
    text = 'unknown source type "nosuch"; known: scripted'
    assert str(error.value) == f"cameras[0].streams[0].source.type: {text}"
    engine = await world.start()
    with pytest.raises(ConfigError, match=text):
        await engine.add_camera(attrs.evolve(config.cameras[0], camera_id=-1))
    assert await engine.reload(config) == [f"camera 0 cannot be added: streams[0].source.type: {text}"]


async def test_cameras_are_added_and_removed_while_others_run(world: World) -> None:
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


async def test_too_many_cameras_is_an_error_that_names_the_limit(world: World) -> None:
    world.engine = Engine(Config(system=SystemConfig(max_cameras=1)), host=world.host)
    await world.engine.start()
    one = CameraConfig(camera_id=0, streams=())
    await world.engine.add_camera(one)
    with pytest.raises(ConfigError, match=r"camera_id: 0 is taken"):
        await world.engine.add_camera(one)
    with pytest.raises(ConfigError, match=r"system\.max_cameras: there are 1 cameras already"):
        await world.engine.add_camera(attrs.evolve(one, camera_id=1))


async def test_reload_touches_only_what_changed(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    await until(lambda: world.servers.live("a") and world.servers.live("b"))
    same = engine.sessions.get(KEY)
    new = world.config(chain("a"), chain("c", output="cloud"), chain("d", output="more"))
    assert await engine.reload(new) == [
        "session cam0_main/cloud restarted (targets[0].url)",
        "session cam0_main/more added",
    ]
    await until(lambda: world.servers.live("c") and world.servers.live("d"))
    assert engine.sessions.get(KEY) is same
    assert len(world.servers.at("a")) == 1
    assert not world.servers.live("b")
    assert await engine.reload(new) == []
    changed = world.config(chain("a"), encoder=EncoderConfig(gop=4))
    assert await engine.reload(changed) == ["stream cam0_main restarted (encoder.gop)"]
    assert await engine.reload(Config()) == ["camera 0 removed"]
    assert len(engine.cameras) == 0


async def test_sound_and_picture_are_published_together(world: World) -> None:
    world.tracks = (VIDEO, AUDIO)
    await world.start(chain("a"), flowing=False)
    sink = world.sinks[0, 0]
    for number in range(40):
        sink.packet(picture(number, key=number % 5 == 0))
        sink.packet(sound(number))
        await asyncio.sleep(0.002)
    await until(lambda: world.servers.live("a"))
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo", "toyaudio"]


async def test_new_parameters_are_announced_once_before_their_keyframe(world: World) -> None:
    await world.start(chain("a"))
    await until(lambda: world.servers.live("a") and len(world.servers.live("a")[0].units) > 10)
    world.still()
    new = attrs.evolve(VIDEO, config=b"new", width=128)
    while world.number % world.gop:
        world.next()
    for _ in range(8):
        world.next(track=new)
    bodies = [bytes(unit.body) for unit, _ in world.servers.live("a")[0].units]  # type: ignore[union-attr]
    assert bodies.count(b"header new") == 1
    assert bodies.count(b"header vc") == 1


async def test_a_stream_unlike_its_configuration_is_told_once(world: World) -> None:
    await begin(world, world.config(chain("a"), encoder=EncoderConfig(width=1920, height=1080, framerate=50)))
    world.flow()
    await until(lambda: world.servers.live("a"))
    world.still()
    told = [
        "width is 64, the configuration expects 1920; sent as it comes",
        "height is 48, the configuration expects 1080; sent as it comes",
        "framerate is 25, the configuration expects 50; sent as it comes",
    ]
    assert [note.message for note in world.of(SourceNote)] == told
    # Parameters that come anew, and others that are as unlike, are looked at again.
    for track in (attrs.evolve(VIDEO, config=b"new"), attrs.evolve(VIDEO, config=b"newer", width=32)):
        world.number += -world.number % world.gop
        for _ in range(8):
            world.next(track=track)
    assert world.source is not None
    world.source.end.set_exception(SourceError("the camera restarts"))
    await until(lambda: world.runs == 2)
    for _ in range(8):
        world.next()
    assert [note.message for note in world.of(SourceNote)] == told


async def test_a_copied_stream_of_another_codec_is_an_error_that_names_both(world: World) -> None:
    other = attrs.evolve(TOY_VIDEO, name="other", aliases=())

    class Other:
        @hookimpl
        def camcast_codecs(self) -> Sequence[CodecKind]:
            return [other]

    world.host.register(Other())
    await begin(world, world.config(chain("a"), encoder=EncoderConfig(type="OTHER_CBR")))
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


async def test_events_reach_every_reader_and_end_with_the_engine(world: World) -> None:
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


async def test_a_hook_that_raises_keeps_nobody_from_hearing(world: World) -> None:
    from camcast.hooks import hookimpl

    class Bad:
        @hookimpl
        def camcast_session_event(self, event: Any) -> Never:
            raise RuntimeError("bad watcher")

    world.host.register(Bad())
    await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    assert world.events


async def test_an_engine_starts_once(world: World) -> None:
    engine = await world.start()
    with pytest.raises(RuntimeError, match="started once"):
        await engine.start()


async def test_a_camera_stopped_under_a_session_that_waits_for_a_picture_does_not_end_the_session(world: World) -> None:
    engine = await world.start(chain("a"), flowing=False)
    world.sinks[0, 0].packet(picture(1))
    one = world.session()
    await until(lambda: one.state is SessionState.CONNECTING and engine.cameras.stream(0, 0).feed.renditions)
    await toy(engine).stop()
    toy(engine).start()
    await until(lambda: world.sinks)
    world.flow()
    await until(lambda: world.servers.live("a"))


async def test_a_camera_restarted_under_a_session_is_published_anew(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    await toy(engine).stop()
    toy(engine).start()
    await until(lambda: len(world.servers.at("a")) == 2 and len(world.servers.at("a")[1].units) > 10)
    assert len(world.servers.live()) == 1
    assert not world.of(AttemptFailed)


async def feed_both(world: World, numbers: range) -> None:
    sink = world.sinks[0, 0]
    for number in numbers:
        sink.packet(picture(number, key=number % 5 == 0))
        sink.packet(sound(number))
        await asyncio.sleep(0.002)


async def test_sound_that_appears_or_disappears_is_published_anew_on_the_same_target(world: World) -> None:
    await world.start(chain("a", "b"))
    await until(lambda: world.servers.live("a") and world.session().policy.stable)
    world.still()
    world.sinks[0, 0].tracks((VIDEO, AUDIO))
    await feed_both(world, range(world.number, world.number + 20))
    await until(lambda: len(world.servers.at("a")) == 2)
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo", "toyaudio"]
    world.sinks[0, 0].tracks((VIDEO,))
    world.number += 20
    world.flow()
    await until(lambda: len(world.servers.at("a")) == 3)
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo"]
    assert not world.servers.at("b")
    assert not world.of(AttemptFailed)


async def test_declared_sound_that_comes_late_is_published_anew(world: World) -> None:
    world.tracks = (VIDEO, AUDIO)
    await world.start(chain("a"), flowing=False)
    numbers = itertools.count()

    def live() -> bool:
        # The sound is waited for while pictures come.
        number = next(numbers)
        world.sinks[0, 0].packet(picture(number, key=number % 5 == 0))
        return bool(world.servers.live("a"))

    await until(live)
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo"]
    fed = next(numbers)
    await feed_both(world, range(fed, fed + 30))
    await until(lambda: len(world.servers.at("a")) == 2)
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["toyvideo", "toyaudio"]
    assert len(world.servers.live()) == 1


async def test_another_codec_from_a_source_that_comes_back_is_published_anew(world: World) -> None:
    other = attrs.evolve(TOY_VIDEO, name="othervideo")

    class More:
        @hookimpl
        def camcast_codecs(self) -> Any:
            return [other]

    world.host.register(More())
    world.takes = attrs.evolve(world.takes, others=Take(Confidence.YES))
    await world.start(chain("a", "b"))
    await until(lambda: world.servers.live("a") and world.session().policy.stable)
    world.still()
    new = attrs.evolve(VIDEO, codec="othervideo")
    world.sinks[0, 0].tracks((new,))
    for number in range(20):
        world.next(track=new, **({"keyframe": True} if not number % 5 else {}))
        await asyncio.sleep(0.003)
    await until(lambda: len(world.servers.at("a")) == 2)
    assert [track.codec for track in world.servers.live("a")[0].tracks] == ["othervideo"]
    assert not world.servers.at("b")
    assert not world.of(AttemptFailed)


async def test_a_slate_that_cannot_be_made_is_told_once(world: World) -> None:
    config = world.config(chain("a"))
    stream = attrs.evolve(config.cameras[0].streams[0], slate=SlateConfig(after=0.1))
    await begin(world, attrs.evolve(config, cameras=(attrs.evolve(config.cameras[0], streams=(stream,)),)))
    world.flow()
    await until(lambda: world.servers.live("a"))
    world.still()
    await until(lambda: [note for note in world.of(SourceNote) if note.code == "slate_failed"])
    await asyncio.sleep(0.3)  # a dozen more looks
    assert [note.code for note in world.of(SourceNote)] == ["slate_on", "slate_failed", "slate_off"]


async def test_a_start_that_fails_leaves_nothing_running(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    config = world.config()
    engine = Engine(attrs.evolve(config, cameras=(config.cameras[0], config.cameras[0].renumbered(1))), host=world.host)
    make = CameraManager.create

    def refuse(manager: CameraManager, camera: CameraConfig) -> object:
        if camera.camera_id == 1:
            raise ConfigError("no more")
        return make(manager, camera)

    monkeypatch.setattr(CameraManager, "create", refuse)
    with pytest.raises(ConfigError, match="no more"):
        await engine.start()
    await asyncio.sleep(0)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in names if name.startswith("camcast-")]


async def test_reload_takes_new_limits_and_says_which_camera_it_cannot_add(world: World) -> None:
    engine = await world.start(chain("a"))
    base = engine.config

    def cameras(count: int, limit: int) -> Config:
        more = tuple(
            attrs.evolve(
                base.cameras[0], camera_id=number, streams=(StreamConfig(source=SourceConfig(type="scripted")),)
            )
            for number in range(1, count)
        )
        return attrs.evolve(base, cameras=(*base.cameras, *more), system=SystemConfig(max_cameras=limit))

    added = [f"camera {number} added" for number in range(1, 18)]
    assert await engine.reload(cameras(18, 18)) == ["system.max_cameras is 18 now", *added]
    assert len(engine.cameras) == 18
    changes = await engine.reload(cameras(19, 18))
    assert len(changes) == 1
    assert changes[0].startswith("camera 18 cannot be added: system.max_cameras: there are 18 cameras already")


async def test_reloads_at_the_same_time_come_one_after_the_other(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    empty, full = Config(), engine.config
    results = await asyncio.gather(engine.reload(empty), engine.reload(empty), engine.reload(full))
    assert [*results] == [["camera 0 removed"], [], ["camera 0 added"]]


async def test_what_a_sources_library_says_is_scrubbed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    config = world.config()
    stream = attrs.evolve(
        config.cameras[0].streams[0],
        source=SourceConfig(type="scripted", url="toy://user:hunter-2000@cam/stream?token=se-cret", retry_policy=QUICK),
    )
    await begin(world, attrs.evolve(config, cameras=(attrs.evolve(config.cameras[0], streams=(stream,)),)))
    world.source.end.set_exception(OSError("cannot open toy://user:hunter-2000@cam/stream?token=se-cret"))
    await until(lambda: world.runs == 2 and world.sinks)
    world.source.end.set_exception(SourceError("wrong password hunter-2000"))
    await until(lambda: world.runs == 3)
    told = caplog.text + repr(world.events) + world.engine.stats().streams[0].last_error
    assert "OSError" in told
    assert "wrong password" in told
    assert "hunter-2000" not in told
    assert "se-cret" not in told


async def test_a_camera_that_is_given_its_number_takes_its_outputs_along(world: World) -> None:
    engine = await world.start(chain("a"))
    other = attrs.evolve(world.config(chain("b")).cameras[0], camera_id=-1)
    assert (await engine.add_camera(other)).camera_id == 1
    assert [str(session.key) for session in engine.sessions] == ["0/0/rtmp", "1/0/rtmp"]
