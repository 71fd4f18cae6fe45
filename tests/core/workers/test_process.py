"""One worker from the parent's side, with a real process: every way to end, and every answer that does not come."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from tests.core.world import World, until
from tests.servers.process import free_port

from camcast.config import (
    CameraConfig,
    Config,
    RetryPolicy,
    SessionConfig,
    SourceConfig,
    StreamConfig,
    SystemConfig,
)
from camcast.engine import Engine
from camcast.errors import CamcastError, ConfigError
from camcast.hooks import hookimpl
from camcast.session.hosts import Hosts
from camcast.session.uplinks import Uplinks
from camcast.workers import process, pulse, wire
from camcast.workers.child import Child
from camcast.workers.process import WorkerProcess
from camcast.workers.remote import RemoteCamera, RemoteSession
from camcast.workers.sharding import Shards, stays_at_home

BEGIN = wire.Begin(SystemConfig(), 0, ())


def worker(died: Callable[[WorkerProcess, str], object] = lambda worker, why: None) -> WorkerProcess:
    return WorkerProcess(
        "worker 1", BEGIN, Hosts(50), Uplinks(), emit=lambda event: None, revive=lambda worker: None, died=died
    )


async def running(one: WorkerProcess) -> WorkerProcess:
    one.start()
    await until(lambda: one.stats is not None, 20)
    return one


def children() -> set[int]:
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for path in listed for pid in path.read_text().split()}


@pytest.mark.parametrize("turns", [0, 1, 2, 5])
async def test_stopped_while_it_is_being_started_nothing_is_left(turns: int) -> None:
    before = children()
    one = worker()
    one.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(process.STOP_DEADLINE + 5):  # on a machine that does much else, too
        await one.stop()
    assert not children() - before


async def test_a_worker_that_dies_while_it_is_stopped_is_not_waited_for() -> None:
    one = await running(worker())
    os.kill(one.pid, signal.SIGSTOP)
    stopping = asyncio.create_task(one.stop())
    await asyncio.sleep(0.05)
    os.kill(one.pid, signal.SIGKILL)
    async with asyncio.timeout(process.STOP_DEADLINE / 2):
        await stopping


async def test_workers_are_stopped_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_DEADLINE", 0.5)
    environment: Any = SimpleNamespace(hosts=Hosts(50), uplinks=Uplinks(), emit=lambda event: None)
    shards = Shards(4, BEGIN, environment)
    shards.start()
    await until(lambda: all(one.stats is not None for one in shards.workers), 30)
    for one in shards.workers:
        os.kill(one.pid, signal.SIGSTOP)
    started = time.monotonic()
    await shards.stop()
    assert time.monotonic() - started < 3 * 1.5  # one after the other, each takes at least that


async def test_a_worker_that_stands_still_is_noticed_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 1.5)
    told: list[str] = []
    one = await running(worker(died=lambda worker, why: told.append(why)))
    first = one.pid
    one.show(None)
    os.kill(first, signal.SIGSTOP)
    await until(lambda: one.pid != first and one.stats is not None, 30)
    assert told == ["stood still for 1.5 s and was ended"]
    assert first not in children()
    await one.stop()


async def test_a_worker_whose_loop_is_blocked_is_noticed_and_started_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "blocking_worker.py").write_text(
        "import pathlib, time, camcast.engine.worker as w\n"
        f"asked, figures = pathlib.Path({str(tmp_path / 'block')!r}), w.Engine.stats\n"
        "def stats(self):\n"
        "    if asked.exists():\n"
        "        asked.unlink()\n"
        "        time.sleep(60)\n"
        "    return figures(self)\n"
        "w.Engine.stats = stats\n"
        "w.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(process, "MODULE", "blocking_worker")
    monkeypatch.setattr(pulse, "SILENCE", 1.5)
    told: list[str] = []
    one = await running(worker(died=lambda worker, why: told.append(why)))
    (tmp_path / "block").touch()
    await until(lambda: told, 10)
    one.show(None)
    await until(lambda: one.stats is not None, 20)
    assert told == ["stood still for 1.5 s and was ended"]
    await one.stop()


async def test_a_worker_that_is_silent_while_the_parent_does_not_look_is_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 1.5)
    one = await running(worker())
    time.sleep(3)  # noqa: ASYNC251  the loop is blocked: that is the point
    one.show(None)
    await until(lambda: one.stats is not None, 10)
    assert one.restarts == 0
    await one.stop()


async def test_a_worker_whose_loop_is_blocked_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import time, camcast.engine.worker as w; from camcast.engine import Engine;"
        "w.ORPHAN_DEADLINE = 0.3; Engine.start = lambda self: time.sleep(60); w.main()"
    )
    child = await Child.start("-c", code, limit=wire.MAX_MESSAGE)
    child.writer.write(wire.pack(BEGIN))
    await child.writer.drain()
    child.close()
    await asyncio.wait_for(child.ended.wait(), 20)
    assert child.returncode == 1


async def test_words_that_are_not_understood_cost_a_restart_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    read, bad = wire.read, [AttributeError("no such event here")]

    async def once(reader: Any) -> Any:
        message = await read(reader)
        if bad and isinstance(message, wire.Figures):
            raise bad.pop()
        return message

    monkeypatch.setattr(wire, "read", once)
    one = await running(worker())
    assert one.restarts == 1
    await one.stop()


async def test_a_call_that_breaks_the_worker_is_answered() -> None:
    one = await running(worker())
    with pytest.raises(CamcastError, match="internal error: TypeError"):
        await one.ask(wire.RemoveCamera({}))  # type: ignore[arg-type]
    await one.stop()


async def test_what_a_worker_refuses_is_told(caplog: pytest.LogCaptureFixture) -> None:
    one = await running(worker())
    with caplog.at_level(logging.ERROR):
        RemoteSession(SessionConfig(camera_id=3, url="mem://a/key-of-a"), one)
        await until(lambda: "cannot be created: there is no camera 3" in caplog.text)
    await one.stop()


async def test_another_log_level_reaches_workers_that_run_and_those_started_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = RetryPolicy(initial_delay=0.05, max_delay=0.05, max_attempts=None, jitter=0)
    dead = SourceConfig(type="rtsp", url=f"rtsp://127.0.0.1:{free_port()}/film", retry_policy=policy)
    config = Config(
        system=SystemConfig(workers=2),
        cameras=tuple(CameraConfig(camera_id=number, streams=(StreamConfig(source=dead),)) for number in range(2)),
    )
    caplog.set_level(logging.DEBUG)

    def told() -> bool:
        return f"Source cam{far.camera_id}_main: trying again" in caplog.text

    async with Engine(config) as engine:
        (far,) = [one for one in engine.cameras if isinstance(one, RemoteCamera)]
        await until(lambda: far.streams[0].metrics.restarts > 1, 30)
        assert not told()
        debug = attrs.evolve(engine.config, system=attrs.evolve(engine.config.system, log_level="DEBUG"))
        await engine.reload(debug)
        await until(told, 30)
        caplog.clear()
        assert far.worker.pid is not None
        os.kill(far.worker.pid, signal.SIGKILL)
        await until(told, 60)


async def test_last_words_longer_than_the_pipe_arrive() -> None:
    code = (
        "import camcast.engine.worker as w; from camcast.engine import Engine;"
        "w.FIGURES_EVERY = 1e9; Engine.stats = lambda self: b'x' * 2_000_000; w.main()"
    )
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(wire.pack(BEGIN) + wire.pack(wire.Do(1, wire.Stop())))
    (size,) = struct.unpack(">I", await asyncio.wait_for(child.stdout.readexactly(4), 20))
    await asyncio.sleep(0.3)  # the parent is busy, and the pipe is full
    await child.stdout.readexactly(size)
    assert await wire.read(child.stdout) == wire.Done(1)
    assert await child.wait() == 0


class _Resolver:
    @hookimpl
    def camcast_resolve_url(self, target: Any, attempt: Any) -> None:
        return None


def test_cameras_stay_where_the_plugins_are_that_any_of_them_may_need() -> None:
    camera = CameraConfig(streams=(StreamConfig(source=SourceConfig(type="testsrc")),))
    engine = Engine()
    assert stays_at_home(camera, engine.host) is None
    engine.host.register(_Resolver(), "tokens")
    assert stays_at_home(camera, engine.host) == 'plugin "tokens", which this program registered, resolves URLs'
    world = World()
    assert stays_at_home(camera, world.host) is None  # it has no such source, which the engine will say
    scripted = CameraConfig(streams=(StreamConfig(source=SourceConfig(type="scripted")),))
    assert stays_at_home(scripted, world.host) == '"scripted" comes from a plugin that this program registered'


async def test_an_output_that_the_worker_cannot_carry_is_refused_at_once() -> None:
    from camcast.config import Config
    from camcast.kinds import TransportKind

    class Carrier:
        @hookimpl
        def camcast_transports(self) -> Any:
            return [
                TransportKind(name="ours", title="Ours", schemes=("ours",), build=lambda c: c, accepts=lambda t: t)  # type: ignore[arg-type,return-value]
            ]

    camera = CameraConfig(camera_id=0, streams=(StreamConfig(source=SourceConfig(type="testsrc")),))
    second = CameraConfig(camera_id=1, streams=camera.streams)
    engine = Engine(Config(system=SystemConfig(workers=2), cameras=(camera, second)))
    engine.host.register(Carrier(), "carrier")
    await engine.start()
    try:
        far = next(one.camera_id for one in engine.cameras if type(one).__name__ == "RemoteCamera")
        with pytest.raises(ConfigError, match=f'camera {far} runs in another process, .* transport "ours"'):
            await engine.add_output(SessionConfig(camera_id=far, url="ours://host/key"))
    finally:
        await engine.stop()
