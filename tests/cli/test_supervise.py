"""When `camcast run` ends by itself, and how it ends when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import attrs
import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until

from camcast.cli import supervise
from camcast.cli.signals import Signals
from camcast.config import Config, RetryPolicy, SourceConfig
from camcast.errors import NetworkError, SourceError
from camcast.events import SessionState, SourceState
from camcast.session import session


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


async def over(world: World, stop: asyncio.Event | None = None) -> asyncio.Task[None]:
    return asyncio.create_task(supervise.until_done(world.engine, stop or asyncio.Event()))


FOR_GOOD = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_attempts=2, revive_after=None)


async def test_it_ends_when_every_session_has_given_up_for_good(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("refused")
    engine = await world.start(chain("a", retry_policy=FOR_GOOD), chain("b", output="cloud", auto_reconnect=False))
    task = await over(world)
    one = engine.sessions.get(KEY)
    assert one is not None
    await until(lambda: one.state is SessionState.FAILED)
    await asyncio.sleep(2 * supervise.LOOK)
    assert not task.done()
    world.servers.down["connect", "b"] = NetworkError("refused")
    world.servers.lose("b", NetworkError("reset"))
    await asyncio.wait_for(task, 5)


async def test_it_goes_on_while_one_may_revive(world: World) -> None:
    world.servers.down["connect", "a"] = NetworkError("refused")
    engine = await world.start(chain("a", retry_policy=attrs.evolve(FOR_GOOD, revive_after=300)))
    task = await over(world)
    one = engine.sessions.get(KEY)
    assert one is not None
    await until(lambda: one.state is SessionState.FAILED)
    await asyncio.sleep(2 * supervise.LOOK)
    assert not task.done()
    task.cancel()


async def test_it_ends_when_every_source_has_come_to_its_end(world: World) -> None:
    await world.start(chain("a"))
    task = await over(world)
    await until(lambda: world.servers.live("a"))
    assert world.source is not None
    world.source.end.set_result(None)
    await asyncio.wait_for(task, 5)


async def test_it_ends_when_no_source_can_ever_come(world: World) -> None:
    await world.start(chain("a"), flowing=False, source=SourceConfig(type="scripted", retry_policy=FOR_GOOD))
    task = await over(world)
    assert world.source is not None
    world.source.end.set_exception(SourceError("no such file", fatal=True))
    await asyncio.wait_for(task, 5)


async def test_it_goes_on_while_a_source_may_be_revived(world: World) -> None:
    engine = await world.start(chain("a"), flowing=False)
    task = await over(world)
    assert world.source is not None
    world.source.end.set_exception(SourceError("no such file", fatal=True))
    await until(lambda: engine.cameras.stream(0, 0).state is SourceState.FAILED)
    await asyncio.sleep(2 * supervise.LOOK)
    assert not task.done()
    task.cancel()


async def test_with_nothing_left_to_run_it_waits_for_the_next_reload(world: World) -> None:
    engine = await world.start(chain("a"))
    stop = asyncio.Event()
    task = await over(world, stop)
    before = engine.config
    await engine.reload(Config())
    await asyncio.sleep(2 * supervise.LOOK)
    assert not task.done()
    assert await engine.reload(before) == ["camera 0 added"]
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_hurried_it_ends_at_once_and_leaves_nothing_on_the_air(world: World) -> None:
    engine = await world.start(chain("a"))
    await until(lambda: world.servers.live("a"))
    world.servers.hang.add(("close", "a"))
    hurry = asyncio.Event()
    ending = asyncio.create_task(supervise.stop_in_order(engine, hurry))
    await asyncio.sleep(0.05)
    world.servers.hang.clear()
    started = time.monotonic()
    hurry.set()
    await ending
    assert time.monotonic() - started < supervise.HURRY + 1 < session.STOP_DEADLINE
    assert not world.servers.live()


async def test_signals_become_events_of_the_loop() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with supervise.signals() as wanted:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait_for(wanted.reload.wait(), 1)
        wanted.reload.clear()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(wanted.stop.wait(), 1)
        assert not wanted.hurry.is_set()
        assert not wanted.reload.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(wanted.hurry.wait(), 1)
    assert signal.getsignal(signal.SIGTERM) is before
    with supervise.signals() as wanted:
        wanted.look()
        assert not wanted.stop.is_set()  # what was asked of an earlier run


def test_what_is_asked_before_somebody_listens_is_told_then() -> None:
    signals, told = Signals(), []
    signals.install()
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        with signals.listening(lambda: told.append(signals.reloads)):
            assert told == [1]
            os.kill(os.getpid(), signal.SIGTERM)
            assert (signals.stops, len(told)) == (1, 2)
        os.kill(os.getpid(), signal.SIGTERM)  # the command is ending: nothing more happens
        assert len(told) == 2
    finally:
        signals.restore()
