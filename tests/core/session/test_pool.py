"""Spares: what is kept, what is closed, and what goes cold for how long."""

from __future__ import annotations

import asyncio
import inspect
import textwrap

import attrs
import pytest
from tests.core.session.test_session import balance, chain, state
from tests.core.world import World, until

from camcast import SessionPool
from camcast.errors import NetworkError
from camcast.events import Note, SessionState
from camcast.session import standby
from camcast.session.pool import COLD_FOR, COLD_WINDOW


@attrs.define(eq=False)
class Connection:
    """A spare of anybody's."""

    target: int
    alive: bool = True
    used: bool = False
    closed: bool = False

    @property
    def fresh(self) -> bool:
        return self.alive and not self.used and not self.closed

    async def close(self) -> None:
        self.closed = True


@attrs.define(eq=False)
class Bench:
    """A pool, all that it ever connected, and a clock."""

    pool: SessionPool[Connection] = attrs.field(init=False)
    made: list[Connection] = attrs.field(factory=list)
    cold: list[int] = attrs.field(factory=list)
    time: float = 1000.0
    down: bool = False
    drops: bool = False
    """Every connection is dropped as soon as it is made."""

    def __attrs_post_init__(self) -> None:
        self.pool = SessionPool(self.connect, self.cold.append, lambda: self.time)

    async def connect(self, target: int) -> Connection:
        if self.down:
            raise NetworkError("refused")
        self.made.append(Connection(target, alive=not self.drops))
        return self.made[-1]

    async def drop(self, target: int) -> bool:
        """The spare's server drops it; returns whether there is one again."""
        next(one for one in self.made if one.target == target and one.fresh).alive = False
        return await self.pool.warm(target)


async def test_a_spare_is_connected_once_and_handed_out_once() -> None:
    bench = Bench()
    assert await bench.pool.warm(1)
    assert await bench.pool.warm(1)
    assert bench.pool.targets == (1,)
    assert bench.pool.acquire(0) is None
    assert bench.pool.acquire(1) is bench.made[0]
    assert bench.pool.acquire(1) is None
    assert len(bench.made) == 1
    assert not bench.made[0].closed


async def test_one_that_was_not_needed_goes_back() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    spare = bench.pool.acquire(1)
    assert spare is not None
    bench.pool.release(spare)
    await bench.pool.warm(1)
    assert bench.pool.acquire(1) is spare
    assert len(bench.made) == 1


@pytest.mark.parametrize("state", ["used", "dead", "double"])
async def test_one_that_was_used_or_died_or_is_one_too_many_is_closed(state: str) -> None:
    bench = Bench()
    await bench.pool.warm(1)
    spare = bench.pool.acquire(1)
    assert spare is not None
    if state == "double":
        await bench.pool.warm(1)
    else:
        spare.used, spare.alive = state == "used", state != "dead"
    bench.pool.release(spare)
    assert bench.pool.targets == ((1,) if state == "double" else ())
    assert bench.pool.acquire(1) is (bench.made[1] if state == "double" else None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert spare.closed


async def test_one_that_dies_while_it_waits_is_not_handed_out() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    bench.made[0].alive = False
    assert bench.pool.acquire(1) is None
    assert await bench.pool.warm(1)
    assert bench.pool.acquire(1) is bench.made[1]
    await bench.pool.close()
    assert bench.made[0].closed


async def test_one_that_cannot_be_connected_leaves_nothing() -> None:
    bench = Bench(down=True)
    with pytest.raises(NetworkError):
        await bench.pool.warm(1)
    assert bench.pool.targets == ()


async def test_two_drops_within_the_window_make_a_target_cold() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    await bench.pool.warm(2)
    assert await bench.drop(1)
    bench.time += COLD_WINDOW
    assert not await bench.drop(1)
    assert bench.cold == [1]
    assert bench.pool.targets == (2,)
    assert not await bench.pool.warm(1)
    assert len([one for one in bench.made if one.target == 1]) == 2


async def test_a_server_that_drops_spares_at_once_makes_a_target_cold_too() -> None:
    bench = Bench(drops=True)
    assert not await bench.pool.warm(1)
    assert bench.cold == []
    assert not await bench.pool.warm(1)
    assert bench.cold == [1]
    assert not await bench.pool.warm(1)
    assert len(bench.made) == 2
    assert bench.pool.targets == ()
    await bench.pool.close()
    assert all(one.closed for one in bench.made)


async def test_drops_far_apart_are_no_reason() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    for _ in range(5):
        assert await bench.drop(1)
        bench.time += COLD_WINDOW + 1
    assert bench.cold == []


async def test_a_cold_target_gets_another_chance_after_a_while() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    await bench.drop(1)
    await bench.drop(1)
    bench.time += COLD_FOR - 1
    assert not await bench.pool.warm(1)
    bench.time += 1
    assert await bench.pool.warm(1)
    # It takes two drops again, not one.
    assert await bench.drop(1)
    assert not await bench.drop(1)
    assert bench.cold == [1, 1]


async def test_cold_is_forgotten_when_it_is_said() -> None:
    bench = Bench()
    await bench.pool.warm(1)
    await bench.drop(1)
    await bench.drop(1)
    bench.pool.forget_cold()
    assert await bench.pool.warm(1)
    assert await bench.drop(1)
    bench.pool.forget_cold()
    assert await bench.drop(1), "nor does a drop count that was before"


async def test_only_the_spares_that_are_wanted_stay() -> None:
    bench = Bench()
    for target in range(3):
        await bench.pool.warm(target)
    bench.pool.keep(1)
    assert bench.pool.targets == (1,)
    await bench.pool.close()
    assert bench.pool.targets == ()  # type: ignore[comparison-overlap]
    assert all(one.closed for one in bench.made)


async def test_the_docstrings_lines_run(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench()
    text = inspect.cleandoc(SessionPool.__doc__ or "")
    lines = textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    names = {"SessionPool": SessionPool, "connect": bench.connect}
    code = compile(lines, "docstring", "exec", flags=__import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT)
    await eval(code, names)
    assert [one.target for one in bench.made] == [1]
    assert bench.made[0].closed


async def test_a_spare_that_a_failback_does_not_need_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the second of three, with a spare at the third: the first is looked at again and again, the spare stays."""
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    world.servers.down["connect", "a"] = NetworkError("refused")
    await world.start(chain("a", "b", "c", standby="warm", failback_after=0.1))
    await until(lambda: world.servers.live("b") and world.servers.connects["c"] == 1)
    await until(lambda: len([n for n in world.of(Note) if getattr(n, "code", "") == "failback_failed"]) >= 3)
    assert world.servers.connects["c"] == 1
    world.servers.lose("b", NetworkError("reset"))
    await until(lambda: world.servers.live("c"))
    assert world.servers.connects["c"] == 1
    await world.engine.stop()
    balance(world)


async def test_a_spare_goes_back_when_its_use_is_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about to be published where an old connection is still closing; then the user wants the first."""
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="warm", failback_after=None))
    await until(lambda: world.servers.connects["b"] == 1 and state(world) is SessionState.CONNECTED)
    session = world.session()
    assert session is not None
    supervisor = session._supervisor
    free = asyncio.Event()
    spare = next(transport for transport in world.servers.alive if transport.host == "b")

    async def busy(name: str) -> None:
        await free.wait()

    monkeypatch.setattr(supervisor._opener, "free", busy)
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: supervisor._opening is not None and supervisor._opening.attempt.index == 1)
    session.switch(0)
    free.set()
    await until(lambda: len(world.servers.at("a")) == 2 and state(world) is SessionState.CONNECTED)
    assert world.servers.connects["b"] == 1
    assert not world.servers.at("b")
    assert [transport for transport in world.servers.alive if transport.host == "b"] == [spare]


async def test_what_was_published_is_never_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spare whose publishing fails is used: the next attempt there connects anew."""
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    await world.start(chain("a", "b", standby="warm", failback_after=None))
    await until(lambda: world.servers.connects["b"] == 1 and state(world) is SessionState.CONNECTED)
    spare = next(transport for transport in world.servers.alive if transport.host == "b")
    world.servers.faults["publish", "b"] = [NetworkError("reset")]
    world.servers.down["connect", "a"] = NetworkError("refused")
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.servers.live("b"))
    assert spare.closed
    assert world.servers.live("b")[0].transport is not spare


async def test_a_session_that_moves_tries_spares_everywhere_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "STANDBY_CHECK", 0.02)
    monkeypatch.setattr("camcast.session.move.HOLD", 0.02)
    await world.start(chain("a", "b", "c", standby="warm", failback_after=None))
    for count in (1, 2):
        await until(lambda count=count: world.servers.connects["b"] == count)  # type: ignore[misc]
        world.servers.lose("b", NetworkError("idle"))
    await until(lambda: [n for n in world.of(Note) if getattr(n, "code", "") == "standby_cold"])
    session = world.session()
    assert session is not None
    session.switch(2)
    await until(lambda: world.servers.live("c") and not world.servers.live("a"))
    session.switch(0)
    await until(lambda: world.servers.live("a") and world.servers.connects["b"] == 3)
