"""Standing by in the made-up world, beyond the plain cases in `test_session`."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.session.test_session import balance, chain, state
from tests.core.world import MemoryTransport, World, until

from camcast.errors import NetworkError
from camcast.events import Connected, Moved, SessionState
from camcast.session import guard, move, standby


async def test_a_hot_pair_is_not_interrupted_to_fail_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The better one is back as the twin: both carry the stream, and it does not matter which one leads."""
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a", "b", standby="hot", failback_after=1.2))
    await until(lambda: world.servers.live("a") and world.servers.live("b"))
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.of(Moved) and world.servers.live("a") and world.servers.live("b"))
    back = world.servers.live("a")[0]
    seen = world.number
    await until(lambda: world.number > seen + 450)
    assert world.servers.live("a") == [back]
    assert len(world.of(Moved)) == 1
    for host in ("a", "b"):
        numbers = world.servers.live(host)[0].numbers()
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    await world.engine.stop()
    balance(world)


async def test_the_next_one_does_not_wait_for_a_slow_goodbye(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing a connection that answers no more takes as long as it takes; the backup is on the air meanwhile."""
    monkeypatch.setattr(guard, "CLOSE_DEADLINE", 3.0)
    release = asyncio.Event()
    close = MemoryTransport.close

    async def slow(self: MemoryTransport) -> None:
        await release.wait()
        await close(self)

    await world.start(chain("a", "b", failback_after=None))
    await until(lambda: state(world) is SessionState.CONNECTED)
    monkeypatch.setattr(MemoryTransport, "close", slow)
    world.servers.lose("a", NetworkError("stalled"))
    await until(lambda: world.servers.live("b"), timeout=2.0)
    assert not release.is_set()
    release.set()
    await world.engine.stop()
    balance(world)


async def test_one_name_has_one_publisher(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nowhere else to go, the old connection is gone before the new one is made."""
    closing = asyncio.Event()
    release = asyncio.Event()
    close = MemoryTransport.close

    async def slow(self: MemoryTransport) -> None:
        closing.set()
        await release.wait()
        await close(self)

    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    connects = world.servers.connects["a"]
    monkeypatch.setattr(MemoryTransport, "close", slow)
    world.servers.lose("a", NetworkError("stalled"))
    await closing.wait()
    await asyncio.sleep(0.1)
    assert world.servers.connects["a"] == connects
    release.set()
    await until(lambda: world.servers.connects["a"] == connects + 1)
    await world.engine.stop()
    balance(world)


async def test_a_suspected_stall_connects_to_the_next_one_just_in_case(world: World) -> None:
    """When it is certain, only publishing is left to do; when it was none, the spare goes."""
    await world.start(chain("a", "b", failback_after=None, stall_timeout=2.0))
    await until(lambda: world.servers.live("a") and len(world.servers.live("a")[0].units) > 5)
    assert world.servers.connects["b"] == 0
    world.servers.stalled.add("a")
    await until(lambda: world.servers.connects["b"] == 1)
    assert world.servers.live("a")
    world.servers.stalled.clear()
    for transport in world.servers.alive:
        transport.acked, transport.pending = transport.acked + transport.pending, 0
    await until(lambda: world.session()._supervisor._standby.pool.targets == ())
    assert len(world.of(Connected)) == 1
    world.servers.stalled.add("a")
    await until(lambda: world.servers.live("b"))
    assert 1 <= world.servers.connects["b"] <= 2
    await world.engine.stop()
    balance(world)


async def test_both_of_a_hot_pair_lost_at_once_leave_one_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin's end wakes its keeper in the very moment in which the keeper is told to go."""
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="hot", failback_after=None))
    for _ in range(5):
        await until(lambda: len(world.servers.live()) == 2, timeout=10.0)
        connected = len(world.of(Connected))
        for host in ("a", "b"):
            world.servers.lose(host, NetworkError("the data centre is dark"))
        await until(lambda connected=connected: len(world.of(Connected)) > connected)  # type: ignore[misc]
    await asyncio.sleep(0.05)
    assert len([task for task in asyncio.all_tasks() if task.get_name().startswith("camcast-standby")]) == 1
    await world.engine.stop()
    balance(world)
