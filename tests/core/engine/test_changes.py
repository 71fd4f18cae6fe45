"""A plan carried out: side by side, each line told, and nothing left undone because something else failed."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, picture, until

from camcast.config import CameraConfig, Config, EncoderConfig, PluginsConfig, SessionConfig, SourceConfig, StreamConfig
from camcast.engine import Engine
from camcast.errors import ConfigError, NetworkError, SourceError, WrongState
from camcast.events import SessionState, SourceState
from camcast.hooks import hookimpl
from camcast.kinds import TransportKind
from camcast.target import Target


def many(hosts: str, count: int) -> list[SessionConfig]:
    return [SessionConfig(camera_id=0, output=f"out{n}", url=f"mem://{hosts}/{n}") for n in range(count)]


async def test_thirty_sessions_leave_a_server_that_hangs_side_by_side(world: World) -> None:
    engine = await world.start(*many("slow", 30), chain("a"))
    await until(lambda: len(world.servers.live()) == 31)

    async def slow(step: str, host: str) -> None:
        if (step, host) == ("close", "slow"):
            await asyncio.sleep(0.3)

    world.servers.step = slow  # type: ignore[method-assign]
    started = time.monotonic()
    lines = await engine.reload(world.config(*many("quick", 30), chain("a")))
    assert time.monotonic() - started < 3 * 0.3  # one after the other it takes 30 times that
    assert len(lines) == 30
    await until(lambda: len(world.servers.live("quick")) == 30)
    assert len(world.servers.at("a")) == 1


async def test_who_does_not_go_where_another_leaves_does_not_wait_for_it(world: World) -> None:
    engine = await world.start(chain("slow"), chain("a", output="cloud"))
    await until(lambda: len(world.servers.live()) == 2)
    world.servers.hang.add(("close", "slow"))
    reload = asyncio.create_task(engine.reload(world.config(chain("b"), chain("c", output="cloud"))))
    await until(lambda: world.servers.live("c"))
    assert not reload.done()
    assert not world.servers.at("b")
    await reload
    await until(lambda: world.servers.live("b"))


async def test_outputs_that_change_places_never_publish_one_url_at_once(world: World) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))
    await until(lambda: len(world.servers.live()) == 2)
    lines = await engine.reload(world.config(chain("b"), chain("a", output="cloud")))
    assert lines == [
        "session cam0_main/cloud restarted (targets[0].url)",
        "session cam0_main restarted (targets[0].url)",
    ]
    await until(lambda: len(world.servers.at("a")) == len(world.servers.at("b")) == 2)
    assert not world.servers.clashes


async def test_what_has_given_up_is_tried_again_by_a_reload_that_changes_nothing(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("refused")
    engine = await world.start(chain("a"))
    one = engine.sessions.get(KEY)
    assert one is not None
    await until(lambda: one.state is SessionState.FAILED)
    world.servers.down.clear()
    assert await engine.reload(engine.config) == ["session cam0_main tried again (it had given up)"]
    await until(lambda: one.state is SessionState.CONNECTED)


async def test_a_source_that_has_given_up_is_tried_again_by_a_reload(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    assert world.source is not None
    stream = engine.cameras.stream(0, 0)
    world.source.end.set_exception(SourceError("no such device", fatal=True))
    await until(lambda: stream.state is SourceState.FAILED)
    assert await engine.reload(engine.config) == ["stream cam0_main tried again (its source had given up)"]
    await until(lambda: stream.state is SourceState.RUNNING)
    assert stream.metrics.restarts == 1


async def test_a_stream_that_changes_leaves_its_neighbour_on_the_air(world: World) -> None:
    def config(gop: float, *numbers: int) -> Config:
        streams = tuple(
            StreamConfig(
                stream_id=number,
                name=f"s{number}",
                source=SourceConfig(type="scripted"),
                encoder=EncoderConfig(gop=gop if number else 2.0),
                sessions=(SessionConfig(url=f"mem://host{number}/key"),),
            )
            for number in numbers
        )
        return Config(cameras=(CameraConfig(camera_id=0, streams=streams),))

    world.engine = engine = Engine(config(2.0, 0, 1), host=world.host)
    await engine.start()
    await until(lambda: len(world.sinks) == 2)
    first, second = world.sinks[0, 0], world.sinks[0, 1]
    feed_all(world)
    await until(lambda: len(world.servers.live()) == 2)
    assert await engine.reload(config(4.0, 0, 1)) == ["stream cam0_s1 restarted (encoder.gop)"]
    await until(lambda: world.sinks[0, 1] is not second)
    feed_all(world)
    await until(lambda: len(world.servers.at("host1")) == 2)
    assert world.sinks[0, 0] is first
    assert await engine.reload(config(4.0, 0)) == ["stream cam0_s1 removed"]
    assert [session.label for session in engine.sessions] == ["cam0_s0"]
    assert (0, 1) not in world.sinks
    assert await engine.reload(config(4.0, 0, 1, 2)) == ["stream cam0_s1 added", "stream cam0_s2 added"]
    await until(lambda: len(world.sinks) == 3)
    assert sorted(session.label for session in engine.sessions) == ["cam0_s0", "cam0_s1", "cam0_s2"]
    assert len(world.servers.at("host0")) == 1
    assert not world.servers.clashes
    assert engine.plan(engine.config) == []


def feed_all(world: World) -> None:
    for sink in world.sinks.values():
        for number in range(12):
            sink.packet(picture(number, key=number % 5 == 0))


async def test_a_line_for_each_session_that_cannot_be_and_the_others_run(world: World) -> None:
    engine = await world.start()
    other = world.config(SessionConfig(url="mem://a/1"), SessionConfig(output="twin", url="mem://a/1"))
    camera = other.cameras[0].renumbered(1)
    lines = await engine.reload(attrs.evolve(engine.config, cameras=(*engine.config.cameras, camera)))
    assert lines[0] == "camera 1 added"
    assert lines[1].startswith("session cam1_main/twin cannot be created: session cam1_main/twin would publish")
    assert len(engine.sessions) == 1


async def test_a_session_that_fails_to_end_is_a_line_and_nothing_else_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await world.start(chain("a"), chain("b", output="cloud"))

    async def broken() -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(engine.sessions.get(KEY), "stop", broken)
    assert await engine.reload(world.config(chain("c"), chain("d", output="cloud"))) == [
        "session cam0_main/cloud restarted (targets[0].url)",
        "session cam0_main cannot be ended: internal error: RuntimeError",
    ]


async def test_which_plugins_are_used_is_for_the_next_start(world: World) -> None:
    engine = await world.start(chain("a"))
    (session,) = engine.sessions
    wanted = attrs.evolve(engine.config, plugins=PluginsConfig(block=("toys",)))
    assert await engine.reload(wanted) == ["plugins is for the next start: those in use stay"]
    assert list(engine.sessions) == [session]


async def test_a_reload_that_is_refused_touches_nothing(world: World) -> None:
    engine = await world.start(chain("a"))
    before = engine.config
    with pytest.raises(ConfigError, match="contradicts where it stands"):
        await engine.reload(world.config(SessionConfig(camera_id=0, stream_name="nosuch", url="mem://b/k")))
    assert engine.config is before
    assert len(engine.sessions) == 1


async def test_the_plan_can_be_asked_for_without_doing_it(world: World) -> None:
    engine = await world.start(chain("a"))
    (step,) = engine.plan(Config())
    assert (step.text, len(engine.cameras)) == ("camera 0 removed", 1)


async def test_before_and_after_its_life_an_engine_says_so(world: World) -> None:
    engine = Engine(world.config(chain("a")), host=world.host)
    with pytest.raises(WrongState, match="has not been started"):
        len(engine.sessions)
    with pytest.raises(WrongState, match="not running"):
        await engine.reload(engine.config)
    await engine.start()
    await engine.stop()
    assert engine.stats().sessions  # the last figures stay
    for call in (
        engine.reload(engine.config),
        engine.add_camera(engine.config.cameras[0]),
        engine.create_session(chain("b")),
    ):
        with pytest.raises(WrongState, match="has been stopped"):
            await call


async def test_an_engine_stopped_during_a_reload_begins_nothing_more(world: World) -> None:
    engine = await world.start(chain("slow"))
    await until(lambda: world.servers.live())
    world.servers.hang.add(("close", "slow"))
    reload = asyncio.create_task(engine.reload(world.config(chain("b"))))
    await asyncio.sleep(0)
    await engine.stop()
    assert await reload == ["session cam0_main cannot be created: the engine has been stopped; make a new one"]
    assert not world.servers.at("b")


class Mount:
    """What a transport's check looks at, and whose server may be gone."""

    def __init__(self) -> None:
        self.gone, self.asked = threading.Event(), threading.Event()

    def check(self, target: Target) -> None:
        self.asked.set()
        assert self.gone.wait(60)

    @hookimpl
    def camcast_transports(self) -> list[TransportKind]:
        def never(context: object) -> Any:
            raise AssertionError("nothing is published there")

        return [
            TransportKind(name="mount", title="Mount", schemes=("mount",), build=never, check=self.check, accepts=never)
        ]


@pytest.mark.parametrize("by_reload", [False, True])
async def test_a_check_that_hangs_holds_up_its_own_camera_only(world: World, by_reload: bool) -> None:
    mount = Mount()
    world.host.register(mount, "mount")
    engine = await world.start(chain("a"))
    stream = StreamConfig(source=SourceConfig(type="scripted"), sessions=(SessionConfig(url="mount://b/key"),))
    camera = CameraConfig(camera_id=7, streams=(stream,))
    adding: asyncio.Task[Any] = asyncio.create_task(
        engine.reload(attrs.evolve(engine.config, cameras=(*engine.config.cameras, camera)))
        if by_reload
        else engine.add_camera(camera)
    )
    try:
        # The loop goes on: what follows is on it.
        await asyncio.wait_for(asyncio.to_thread(mount.asked.wait, 30), 40)
        await until(lambda: world.servers.live())
        assert [one.camera_id for one in engine.cameras] == [0]
        with pytest.raises(ConfigError, match="7 is taken"):
            await engine.add_camera(camera)
    finally:
        mount.gone.set()
    await adding
    assert [one.camera_id for one in engine.cameras] == [0, 7]
