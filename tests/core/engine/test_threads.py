"""The blocking facade: started once, stopped as often as one likes, and errors that reach the caller."""

from __future__ import annotations

import asyncio
import inspect
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World

from camcast.camera.handles import CameraHandle, StreamHandle
from camcast.camera.manager import CameraManager
from camcast.config import Config, SystemConfig
from camcast.engine import Engine, EngineThread
from camcast.engine.facades import ThreadedCamera, ThreadedCameras, ThreadedSession, ThreadedSessions, ThreadedStream
from camcast.errors import CamcastError, ConfigError, DeadlineError, NotFound, OutOfRange, WrongState
from camcast.events import Event, Reloaded, SessionState, SourceChanged, SourceState
from camcast.session.session_manager import SessionHandle, SessionManager


def facade(world: World, **settings: Any) -> EngineThread:
    return EngineThread(world.config(), host=world.host, **settings)


def test_a_second_start_is_refused_and_the_first_goes_on() -> None:
    engine = facade(World())
    engine.start()
    with pytest.raises(RuntimeError, match="started once"):
        engine.start()
    assert engine.stats().sessions == ()
    engine.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "camcast-engine"]


def test_stopped_twice_and_used_afterwards() -> None:
    engine = facade(World())
    engine.start()
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError, match="not running"):
        engine.stats()
    with pytest.raises(RuntimeError, match="not running"):
        facade(World()).stats()


def test_a_start_that_fails_is_raised_and_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    config = world.config()
    both = attrs.evolve(config, cameras=(config.cameras[0], config.cameras[0].renumbered(1)))
    with pytest.raises(ConfigError, match="max_cameras"):
        EngineThread(attrs.evolve(both, system=SystemConfig(max_cameras=1)), host=world.host)

    def refuse(manager: CameraManager, camera: object) -> object:
        raise ConfigError("no more")

    monkeypatch.setattr(CameraManager, "create", refuse)
    engine = EngineThread(both, host=world.host)
    with pytest.raises(ConfigError, match="no more"):
        engine.start()
    engine.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "camcast-engine"]


def test_an_on_event_that_raises_hears_the_next_event_all_the_same() -> None:
    world, seen = World(), []

    def bad(event: Any) -> Never:
        seen.append(event)
        raise ValueError("bad watcher")

    with facade(world, on_event=bad) as engine:
        engine.create_session(chain("a"))
        engine.remove_camera(0)
    assert seen[0].new is SourceState.STARTING
    assert len(seen) >= 2


# --- what Engine has, EngineThread has ---------------------------------------------------------------------------


def public(cls: type) -> dict[str, object]:
    names = {name for base in cls.__mro__[:-1] for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    return {name: getattr(cls, name, None) for name in names if not name.startswith("_")}


NOT_FOR_THREADS = {
    SessionHandle: {"start", "tick", "adopt", "frames_dropped", "sketch"},  # their manager's and the engine's
    SessionManager: {"keep", "close", "totals_with", "adopt"},  # the engine's
    CameraHandle: {"add_stream", "remove_stream", "adopt_stream", "rename"},  # the engine's
    StreamHandle: {"adopt"},  # the engine's
    # The engine's and the sessions':
    CameraManager: {
        *("add", "create", "destroy", "add_stream", "remove_stream", "stream", "feed", "close", "max_cameras"),
    },
}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Engine, EngineThread),
        (SessionManager, ThreadedSessions),
        (SessionHandle, ThreadedSession),
        (CameraManager, ThreadedCameras),
        (CameraHandle, ThreadedCamera),
        (StreamHandle, ThreadedStream),
    ],
    ids=lambda cls: cls.__name__,
)
def test_what_the_loop_has_threads_have(one: type, other: type) -> None:
    here, there = public(one), public(other)
    missing = here.keys() - there.keys() - NOT_FOR_THREADS.get(one, set()) - _attributes(one, other)
    assert missing == set()
    for name, member in here.items():
        if inspect.isfunction(member) and name in there:
            mine, theirs = (list(inspect.signature(one).parameters.values()) for one in (member, there[name]))  # type: ignore[arg-type]
            assert [(p.name, p.kind, p.default) for p in mine] == [(p.name, p.kind, p.default) for p in theirs], name


def _attributes(one: type, other: type) -> set[str]:
    """What an engine sets when it is made."""
    return {"config", "host"} & public(other).keys() if one is Engine else set()


@pytest.fixture
def running() -> Iterator[tuple[World, EngineThread]]:
    world = World()
    with facade(world) as engine:
        yield world, engine


def wait(condition: object, timeout: float = 5.0) -> None:
    assert callable(condition)
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_sessions_are_made_found_and_ended_by_threads(running: tuple[World, EngineThread]) -> None:
    world, engine = running
    one = engine.create_session(chain("a", "b"))
    wait(lambda: (0, 0) in world.sinks)
    engine.call(world.flow)
    wait(lambda: one.state is SessionState.CONNECTED)
    wait(lambda: one.healthy)
    assert (one.key, one.label, one.config.targets[0].url) == (KEY, "cam0_main", "mem://a/key-of-a")
    assert [found.key for found in engine.sessions.find(url="mem://b/key-of-b")] == [KEY]
    assert [found.key for found in engine.sessions] == [KEY]
    assert len(engine.sessions) == 1
    one.switch(1)
    wait(lambda: world.servers.live("b") and not world.servers.live("a"))
    with pytest.raises(OutOfRange, match="target 5 is not in the chain"):
        one.switch(5)
    one.pause()
    wait(lambda: one.state is SessionState.DISCONNECTED)
    one.resume()
    one.retry_now()
    wait(lambda: one.metrics.state is SessionState.CONNECTED)
    assert one.target_shown == one.metrics.target
    assert engine.sessions.totals().sessions == len(engine.sessions.metrics()) == 1
    engine.call(world.still)
    engine.sessions.delete_session(KEY)
    assert engine.sessions.get(KEY) is None
    with pytest.raises(NotFound):
        engine.delete_session(KEY)
    other = engine.sessions.create_session(chain("c"))
    found = engine.sessions.get(KEY)
    assert found is not None
    assert found.config == other.config
    other.stop()
    engine.remove_output(KEY)


def test_cameras_are_seen_and_changed_by_threads(running: tuple[World, EngineThread]) -> None:
    world, engine = running
    new = attrs.evolve(world.config().cameras[0], camera_id=-1, name="second")
    camera = engine.add_camera(new)
    assert (camera.camera_id, camera.config.name) == (1, "second")
    stream = camera.streams[0]
    assert (stream.label, stream.config.name) == ("cam1_main", "main")
    wait(lambda: (1, 0) in world.sinks)
    assert stream.state is stream.metrics.state is SourceState.STARTING
    assert stream.request_keyframe()
    assert camera.request_keyframe()
    assert world.keyframes_asked == 2
    assert not stream.set_bitrate(100)
    assert not camera.set_bitrate(0, 100)
    stream.retry_now()
    with pytest.raises(OutOfRange):
        camera.set_bitrate(0, 0)
    assert [one.camera_id for one in engine.cameras] == [0, 1]
    assert len(engine.cameras) == 2
    assert engine.cameras.get(7) is None
    assert engine.cameras.require(1).camera_id == 1
    assert engine.cameras.names(1) == {0: "main"}
    camera.stop()
    camera.start()
    engine.remove_camera(1)
    with pytest.raises(NotFound, match="there is no camera 1; known: 0"):
        engine.cameras.require(1)


def test_a_reload_from_a_thread_says_what_changed(running: tuple[World, EngineThread]) -> None:
    world, engine = running
    wanted = world.config(chain("a"))
    assert [step.text for step in engine.plan(wanted)] == ["session cam0_main added"]
    assert engine.reload(wanted) == ["session cam0_main added"]
    assert [camera.name for camera in engine.config.cameras] == [camera.name for camera in wanted.cameras]
    assert engine.host is world.host
    assert not engine.sources_ended
    with pytest.raises(NotFound, match="brings its own media"):
        engine.push(0, 0)


def test_events_are_iterated_over_until_the_engine_stops() -> None:
    world = World()
    engine = facade(world)
    seen: list[Event] = []
    events = engine.events()  # before the first happens
    engine.start()
    assert isinstance(next(events), SourceChanged)

    def read() -> None:
        seen.extend(events)

    reader = threading.Thread(target=read)
    reader.start()
    engine.create_session(chain("a"))
    engine.stop()
    reader.join(5)
    assert not reader.is_alive()
    assert isinstance(seen[-1], SourceChanged)
    assert seen[-1].new is SourceState.STOPPED
    assert list(engine.events()) == []


def test_what_nobody_has_read_before_the_end_is_read_after_it() -> None:
    engine = facade(World())
    events = engine.events()
    engine.start()
    engine.create_session(chain("a"))
    engine.stop()
    states = [event.new for event in events if isinstance(event, SourceChanged)]
    assert states == [SourceState.STARTING, SourceState.STOPPED]


def test_an_event_of_the_programs_own_reaches_those_that_hear_events() -> None:
    engine = facade(World())
    with engine:
        events = engine.events()
        engine.tell(Reloaded(label="configuration", changes=("camera 7 added",)))
        heard = next(event for event in events if isinstance(event, Reloaded))
    assert heard.changes == ("camera 7 added",)


def test_a_blocking_call_from_the_engines_own_thread_is_refused_at_once() -> None:
    world = World()
    told: list[Any] = []

    def watcher(event: Event) -> None:
        for call in (engine.stats, engine.stop, lambda: next(engine.events()), lambda: engine.call(int)):
            try:
                call()
            except WrongState as error:
                told.append(str(error))

    started = time.monotonic()
    engine = facade(world, on_event=watcher)
    engine.start()
    wait(lambda: len(told) >= 4)
    assert time.monotonic() - started < 5
    assert all(text.startswith("a blocking call on the engine's own thread") for text in told)
    engine.stop()


def test_a_call_that_takes_too_long_is_cancelled(running: tuple[World, EngineThread]) -> None:
    _, engine = running
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def its_own() -> None:
        raise TimeoutError("its own")

    with pytest.raises(DeadlineError, match=r"did not answer within 0\.05 s"):
        engine.run(slow(), timeout=0.05)
    wait(lambda: ended)
    with pytest.raises(TimeoutError, match="its own"):
        engine.run(its_own())


def test_every_error_of_the_api_is_of_one_family() -> None:
    from camcast import errors

    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)]
    assert len(found) > 10
    assert all(issubclass(one, CamcastError) for one in found)
    assert str(NotFound("there is no camera 1")) == "there is no camera 1"
    assert issubclass(NotFound, LookupError)


def test_a_file_is_run_by_a_thread(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"cameras": [{"camera_id": 3, "streams": []}]}')
    with EngineThread.from_file(file, host=World().host) as engine:
        assert [camera.camera_id for camera in engine.cameras] == [3]
    file.write_text("{")
    with pytest.raises(ConfigError, match=r"c\.json"):
        EngineThread.from_file(file, host=World().host)
    assert EngineThread(Config()).config == Config()


def test_ctrl_c_goes_to_the_programs_own_thread(running: tuple[World, EngineThread]) -> None:
    """Handed to another one it would wake nobody: a program that sleeps would sleep on."""
    (engine,) = (thread for thread in threading.enumerate() if thread.name == "camcast-engine")
    for thread, blocked in ((engine, True), (threading.main_thread(), False)):
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        (mask,) = re.findall(r"^SigBlk:\s*(\w+)", status, re.MULTILINE)
        assert bool(int(mask, 16) >> (signal.SIGINT - 1) & 1) is blocked


def test_ctrl_c_while_it_starts_ends_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `with` block comes to its end then, and threads that run on would keep the program from ending."""
    thread = EngineThread(Config())
    start = EngineThread.start

    def interrupted(self: EngineThread) -> None:
        start(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(EngineThread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), thread:
        raise AssertionError("the block is not reached")
    with pytest.raises(WrongState):
        thread.stats()
