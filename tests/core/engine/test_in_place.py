"""A reload that changes how a session behaves takes it off the air for nothing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until

from camcast.config import Config, RetryPolicy, Schedule, SessionConfig, SourceConfig
from camcast.config.session import Limit
from camcast.engine import Engine
from camcast.errors import NetworkError, SourceError
from camcast.events import Reloaded, ReloadRefused, SessionState, SourceState, StateChanged
from camcast.session.session import Session

SLOW = RetryPolicy(initial_delay=600, max_delay=600, max_attempts=None, jitter=0)
QUICK = RetryPolicy(initial_delay=0.02, max_delay=0.02, max_attempts=None, jitter=0)


async def reload(world: World, engine: Engine, config: SessionConfig) -> list[str]:
    return await engine.reload(world.config(config))


def only(engine: Engine) -> Session:
    found = engine.sessions.get(KEY)
    assert isinstance(found, Session)
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"retry_policy": QUICK},
        {"auto_reconnect": False},
        {"failback_after": 3},
        {"max_moves_per_hour": 1},
        {"stall_timeout": 9},
        {"idle_timeout": 20},
        {"queue": Limit(seconds=2, bytes=1000)},
        {"replay": "off"},
        {"replay_max": Limit(seconds=1, bytes=1000)},
        {"allow_redirect_hosts": ["other"]},
        {"connect_timeout": 3},
        {"rotate_every": 3600},
        {"schedule": Schedule(timezone="UTC", windows=[{}])},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_it_stays_on_the_air(world: World, change: dict[str, Any]) -> None:
    before = chain("a", retry_policy=SLOW)
    engine = await world.start(before)
    await until(lambda: world.servers.live("a"))
    session = only(engine)
    if "connect_timeout" in change:
        after = before.evolve(targets=tuple(attrs.evolve(one, **change) for one in before.targets))
    else:
        after = before.evolve(**change)
    (line,) = await reload(world, engine, after)
    assert line.startswith("session cam0_main goes on with another ")
    assert next(iter(change)) in line
    assert only(engine) is session
    name = next(iter(change))
    holder: Any = session.config.targets[0] if name == "connect_timeout" else session.config
    assert getattr(holder, name) == getattr(after.targets[0] if name == "connect_timeout" else after, name)
    assert len(world.servers.at("a")) == 1
    assert await reload(world, engine, after) == []


async def test_a_shorter_wait_holds_for_the_present_one(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("no route")
    engine = await world.start(chain("a", retry_policy=SLOW))
    session = only(engine)
    await until(lambda: session.state is SessionState.ERROR)
    world.servers.down.clear()
    await reload(world, engine, chain("a", retry_policy=QUICK))
    await until(lambda: session.state is SessionState.CONNECTED)


async def test_what_is_on_a_fallback_goes_back_by_the_new_rule(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("no route")
    engine = await world.start(chain("a", "b", retry_policy=QUICK, failback_after=600))
    await until(lambda: world.servers.live("b"))
    world.servers.down.clear()
    await reload(world, engine, chain("a", "b", retry_policy=QUICK, failback_after=0.1))
    await until(lambda: world.servers.live("a"), 10)


async def test_a_stall_is_noticed_by_the_new_timeout(world: World) -> None:
    engine = await world.start(chain("a", retry_policy=QUICK, stall_timeout=600))
    await until(lambda: only(engine).healthy)
    session = only(engine)
    assert session.active is not None
    await reload(world, engine, chain("a", retry_policy=QUICK, stall_timeout=0.5))
    assert session.active.liveness.stall_timeout == 0.5
    assert session.active.outlet._limits.seconds == session.config.queue.seconds


async def test_what_had_given_up_is_tried_again_too(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("no route")
    engine = await world.start(chain("a", retry_policy=attrs.evolve(QUICK, max_attempts=0)))
    session = only(engine)
    await until(lambda: session.state is SessionState.FAILED)
    world.servers.down.clear()
    lines = await reload(world, engine, chain("a", retry_policy=attrs.evolve(QUICK, max_attempts=7)))
    assert lines[1] == "session cam0_main tried again (it had given up)"
    await until(lambda: session.state is SessionState.CONNECTED)


async def test_a_camera_has_another_name_and_its_streams_go_on(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    config = world.config(chain("a"))
    lines = await engine.reload(attrs.evolve(config, cameras=(attrs.evolve(config.cameras[0], name="gate"),)))
    assert lines == [
        "camera 0 goes on with another name",
        "session cam0_main goes on with another camera_name",
    ]
    assert engine.cameras.require(0).config.name == "gate"
    assert len(world.servers.at("a")) == 1
    assert world.servers.live("a")


async def test_what_was_taken_over_in_place_can_be_taken_off_the_air_and_put_on_again(world: World) -> None:
    """What it publishes is free once it has ended, whatever its configuration became meanwhile."""
    engine = await world.start(chain("a", retry_policy=SLOW))
    await until(lambda: world.servers.live("a"))
    after = chain("a", retry_policy=QUICK)
    await reload(world, engine, after)
    config = world.config(after)
    (camera,) = config.cameras
    (stream,) = camera.streams
    without = attrs.evolve(camera, streams=(attrs.evolve(stream, sessions=()),))
    await engine.reload(attrs.evolve(config, cameras=(without,)))
    assert not list(engine.sessions)
    assert await engine.reload(config) == ["session cam0_main added"]
    await until(lambda: world.servers.live("a"))
    # A session that is made anew with its stream, likewise.
    other = attrs.evolve(stream, source=attrs.evolve(stream.source, url="mem://another"))
    (line,) = await engine.reload(attrs.evolve(config, cameras=(attrs.evolve(camera, streams=(other,)),)))
    assert line == "stream cam0_main restarted (source.url)"
    await until(lambda: world.servers.live("a"))


async def test_what_is_for_the_next_start_is_told_by_what_is_in_use(world: World) -> None:
    """However often it is read again; once, it was told by what the last reload had asked for."""
    engine = await world.start(chain("a"))
    config = world.config(chain("a"))

    def asking(workers: int) -> Config:
        return attrs.evolve(config, system=attrs.evolve(config.system, workers=workers))

    stays = [f"system.workers is for the next start: it stays {config.system.workers}"]
    assert await engine.reload(asking(2)) == stays
    assert await engine.reload(asking(2)) == stays
    assert await engine.reload(asking(3)) == stays
    assert engine.config.system.workers == config.system.workers
    assert await engine.reload(config) == []


def renamed(config: Config, name: str, **source: Any) -> Config:
    """The same with another name for its one stream, and another policy of its source."""
    (camera,) = config.cameras
    (stream,) = camera.streams
    changed = attrs.evolve(stream, name=name, source=attrs.evolve(stream.source, **source))
    sessions = tuple(one.evolve(stream_name=name) for one in changed.sessions)
    return attrs.evolve(config, cameras=(attrs.evolve(camera, streams=(attrs.evolve(changed, sessions=sessions),)),))


async def test_a_stream_has_another_name_and_goes_on(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    session, sources = only(engine), world.runs
    lines = await engine.reload(renamed(world.config(chain("a")), "wide"))
    assert lines == [
        "stream cam0_main goes on with another name",
        "session cam0_main goes on with another stream_name",
    ]
    stats = engine.stats()
    assert (stats.streams[0].label, stats.sessions[0].label) == ("cam0_wide", "cam0_wide")
    assert only(engine) is session
    assert (len(world.servers.at("a")), world.runs) == (1, sources)
    assert engine.cameras.require(0).streams[0].config.name == "wide"
    session.pause()
    await until(lambda: any(event.label == "cam0_wide" for event in world.of(StateChanged)))
    assert await engine.reload(renamed(world.config(chain("a")), "wide")) == []


async def test_each_field_that_is_taken_over_is_named(world: World) -> None:
    engine = await world.start(chain("a"))
    after = chain("a", failback_after=3, stall_timeout=9, idle_timeout=20, max_moves_per_hour=1, replay="off")
    (line,) = await reload(world, engine, after)
    assert line == (
        "session cam0_main goes on with another stall_timeout, idle_timeout, failback_after, max_moves_per_hour, replay"
    )


async def test_a_lost_source_waits_by_the_new_policy(world: World) -> None:
    slow = attrs.evolve(SLOW, max_attempts=None)
    engine = await world.start(chain("a"), source=SourceConfig(type="scripted", retry_policy=slow))
    world.source.end.set_exception(SourceError("the cable is out"))
    stream = engine.cameras.require(0).streams[0]
    await until(lambda: stream.state is SourceState.WAITING)
    sources = world.runs
    before = world.config(chain("a"), source=SourceConfig(type="scripted", retry_policy=slow))
    lines = await engine.reload(renamed(before, "main", retry_policy=QUICK))
    assert lines == [
        "stream cam0_main goes on with another source.retry_policy.initial_delay, source.retry_policy.max_delay"
    ]
    await until(lambda: world.runs > sources)


async def test_a_reload_is_an_event_for_all_that_hear_them(world: World) -> None:
    engine = await world.start(chain("a", failback_after=600))
    await reload(world, engine, chain("a", failback_after=3))
    assert [event.text for event in world.of(Reloaded)] == [
        "Reloaded: session cam0_main goes on with another failback_after"
    ]
    engine.tell(ReloadRefused(label="configuration", error="line 3: expected a value"))
    (refused,) = world.of(ReloadRefused)
    assert (refused.level, refused.text) == (
        "error",
        "Not reloaded, everything goes on as before: line 3: expected a value",
    )
