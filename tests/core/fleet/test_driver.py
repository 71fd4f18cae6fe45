"""A member with a real engine, a store in memory and a clock that is moved by hand: what goes wrong stays safe."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Never

import pytest
from tests.core.world import World, until

from camcast.config import CameraConfig, Config
from camcast.coordinators import Card, Desired, Holder, News
from camcast.engine import Engine
from camcast.errors import CoordinatorError, NetworkError
from camcast.events import SessionKey
from camcast.fleet import driver as module
from camcast.fleet.disk import Disk
from camcast.fleet.driver import LEAVE, TICK, TROUBLED, Driver, Post
from camcast.fleet.lease import AGAIN as AGAIN_LEASE
from camcast.fleet.lease import KILL, RENEW
from camcast.fleet.member import Member
from camcast.fleet.running import AGAIN
from camcast.testing.coordinator import MemoryCoordinator, MemoryStore

LEASE = 10.0


class Fence:
    at: float | None = None

    def set(self, at: float | None) -> None:
        self.at = at


def camera(number: int = 0, source: str = "scripted", *, name: str = "hall", **more: Any) -> dict[str, Any]:
    """`more`: outputs beside the one that all have."""
    outputs = {"memory": {"url": f"mem://a/live/{number}", "transport": "memory"}, **more}
    streams = [{"name": "main", "source": {"type": source}, "outputs": outputs}]
    return {"camera_id": number, "name": name, "streams": streams}


def off(host: str) -> dict[str, Any]:
    """An output that is off by its schedule today, and the days beside it."""
    first, last = (date.today() + timedelta(days) for days in (-1, 1))
    schedule = {"timezone": "UTC", "windows": [{}], "exceptions": {f"{first} to {last}": "off"}}
    return {"url": f"mem://{host}/live/0", "transport": "memory", "schedule": schedule}


class Machine:
    """One member that runs."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.store, self.now, self.fence = world, MemoryStore(), 1000.0, Fence()
        self.way = MemoryCoordinator(self.store, "a")
        self.disk = Disk(folder)
        self.engine = world.engine = Engine(Config(), host=world.host)
        self.member = Member("a", lives=self.disk.new_life, lease=LEASE)
        post = Post(capacity=100)
        self.driver = Driver(self.engine, self.way, self.member, self.disk, post, self.fence, lambda: self.now)
        self.stop, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), False
        self.may_end.set()

    async def end(self) -> None:
        await self.may_end.wait()
        await self.engine.stop()
        self.ended = True

    async def run(self) -> None:
        await self.driver.run(self.stop, self.end)

    def apply(self, version: int, *cameras: dict[str, Any], rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Somebody puts these cameras."""
        mapping = {"cameras": list(cameras), "fleet": {"rules": list(rules)}}
        put = MemoryCoordinator(self.store, "operator").put(Desired(version=version, mapping=mapping))
        with pytest.raises(StopIteration):
            put.send(None)

    @property
    def card(self) -> Card:
        news = self.store.members.get("a")
        assert news is not None
        assert news.card is not None
        return news.card

    async def renewed(self, by: float = RENEW * LEASE) -> None:
        """Time passes, and a renewal that begins then is there."""
        self.now += by
        await until(lambda: (self.member.lease.renewed_at or 0) >= self.now)

    async def begin(self) -> None:
        """It has joined, and the store is trusted."""
        await until(lambda: self.member.lease.renewed_at is not None)
        await self.renewed(LEASE + 1)

    def said(self, code: str) -> int:
        return len(self.texts(code))

    def texts(self, code: str) -> list[str]:
        return [news.line.text for news in self.store.lines if news.line.code == code]

    def claim(self, giver: Holder | None) -> None:
        """Another member writes the claim of camera 0, which is this one's: `giver` may run it as well."""
        record = self.store.claims[0]
        assert record.holder is not None
        writing = MemoryCoordinator(self.store, "b").claim(0, record.holder, record.fence, giver)
        with pytest.raises(StopIteration):
            writing.send(None)


@pytest.fixture
async def machine(world: World, tmp_path: Path) -> AsyncIterator[Machine]:
    made = Machine(world, tmp_path / "m")
    await made.engine.start()
    running = asyncio.create_task(made.run())
    yield made
    made.may_end.set()
    made.stop.set()
    await asyncio.gather(running, return_exceptions=True)
    made.disk.close()


async def on_air(machine: Machine) -> None:
    """Camera 0 is."""
    machine.apply(1, camera())
    await machine.begin()
    await until(lambda: (0, 0) in machine.world.sinks)
    machine.world.flow()
    await until(lambda: machine.said("on_air") == 1)


async def test_a_camera_that_cannot_begin_is_off_the_air_and_tried_again(machine: Machine) -> None:
    machine.apply(1, camera(source="nothing"))
    await machine.begin()
    await until(lambda: machine.said("cannot_run") == 1)
    await machine.renewed()
    await until(lambda: machine.said("cannot_run") == 2)
    assert (machine.card.running, machine.card.on_air, machine.card.troubled) == (1, 0, (0,))
    machine.apply(2, camera())
    await until(lambda: (0, 0) in machine.world.sinks)
    machine.world.flow()
    await until(lambda: machine.said("on_air") == 1)
    await machine.renewed()
    assert (machine.card.running, machine.card.on_air, machine.card.troubled) == (1, 1, ())


async def test_a_fault_of_our_own_at_the_beginning_is_no_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    add = machine.engine.add_camera

    async def fail(config: CameraConfig) -> Never:
        monkeypatch.setattr(machine.engine, "add_camera", add)
        await add(config)
        raise RuntimeError("a bug")

    monkeypatch.setattr(machine.engine, "add_camera", fail)
    machine.apply(1, camera())
    await machine.begin()
    await until(lambda: machine.engine.add_camera == add and not machine.member.running)
    assert machine.engine.cameras.get(0) is None
    machine.now += AGAIN
    await until(lambda: (0, 0) in machine.world.sinks)


async def test_a_camera_that_cannot_be_ended_is_not_said_to_have_ended(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_air(machine)
    monkeypatch.setattr(module, "END_AGAIN", 0.01)
    remove, tries, mended = machine.engine.remove_camera, 0, False

    async def fail(camera_id: int) -> None:
        nonlocal tries
        tries += 1
        if not mended:
            raise RuntimeError("a bug")
        await remove(camera_id)

    monkeypatch.setattr(machine.engine, "remove_camera", fail)
    machine.apply(2, camera(1))
    await until(lambda: tries >= 3)
    assert 0 in machine.member.running
    mended = True
    await until(lambda: 0 not in machine.member.running)
    assert machine.engine.cameras.get(0) is None


async def test_the_lease_goes_on_until_the_engine_has_stopped(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_air(machine)

    async def hang(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(machine.engine, "remove_camera", hang)
    machine.may_end.clear()
    machine.stop.set()
    await until(lambda: machine.member.leaving)
    machine.now += LEAVE + 1
    for _ in range(10):
        await machine.renewed()
    assert not machine.ended
    assert machine.world.servers.live("a")
    await until(lambda: machine.fence.at == machine.now + KILL * LEASE)
    machine.may_end.set()
    await until(lambda: machine.fence.at is None)
    assert machine.ended
    assert not machine.world.servers.live("a")
    # Others need not wait its lease out, though it did not leave in the time that leaving has.
    await until(lambda: machine.store.members["a"].card is None)


@pytest.mark.parametrize(
    ("fault", "told"), [(RuntimeError("a bug"), RuntimeError), (None, CoordinatorError)], ids=["raises", "returns"]
)
async def test_a_coordinator_that_ends_is_told_and_the_engine_stopped(
    world: World, tmp_path: Path, fault: Exception | None, told: type[Exception]
) -> None:
    machine = Machine(world, tmp_path / "m")
    await machine.engine.start()

    async def run(_: Callable[[News], object]) -> None:
        if fault is not None:
            raise fault

    machine.way.run = run  # type: ignore[assignment, method-assign]
    with pytest.raises(told):
        await machine.run()
    assert machine.ended
    machine.disk.close()


async def test_a_camera_without_the_sessions_that_it_should_have_is_not_on_the_air(machine: Machine) -> None:
    await on_air(machine)
    await machine.renewed()
    assert machine.card.on_air == 1
    await machine.engine.delete_session(SessionKey(0, 0, "memory"))
    await machine.renewed()
    assert (machine.card.on_air, machine.card.troubled) == (0, (0,))


async def test_what_is_off_by_its_schedule_is_no_trouble(machine: Machine) -> None:
    """Neither beside an output that is on the air, nor alone, which is not told as being on the air."""
    machine.apply(1, camera(night=off("b")), camera(1, memory=off("c")))
    await machine.begin()
    await until(lambda: (0, 0) in machine.world.sinks)
    machine.world.flow()
    await until(lambda: machine.said("on_air") == 1)
    await machine.renewed()
    assert (machine.card.running, machine.card.on_air, machine.card.troubled) == (2, 2, ())
    assert machine.said("on_air") == 1


async def test_a_gap_is_told_of_who_had_it_last_and_not_of_those_before(machine: Machine) -> None:
    await on_air(machine)
    # Its giver's life is over, and so nobody writes any more that it has ended.
    machine.claim(Holder("b", "over"))
    machine.apply(2, camera(name="again"))
    await until(lambda: machine.said("on_air") == 2)
    machine.claim(None)
    for _ in range(20):
        await machine.renewed()
    machine.apply(3, camera(name="and again"))
    await until(lambda: machine.said("on_air") == 3)
    assert machine.texts("on_air")[1:] == ["on the air here again, 0.0 s after it ended"] * 2


async def test_a_gap_is_told_of_a_camera_that_runs_on(machine: Machine) -> None:
    """It stays here, and its server is not to be reached for a while."""
    await on_air(machine)
    machine.world.servers.down["connect", "a"] = NetworkError("nobody there", stage="connect")
    machine.world.servers.lose("a", NetworkError("gone", stage="streaming"))
    await until(lambda: not machine.world.servers.live("a"))
    await machine.renewed()
    assert machine.card.troubled == (0,)
    machine.now += 7.0
    machine.world.servers.down.clear()
    session = machine.engine.sessions.get(SessionKey(0, 0, "memory"))
    assert session is not None
    session.retry_now()
    await until(lambda: machine.said("on_air") == 2)
    (text,) = machine.texts("on_air")[1:]
    assert re.fullmatch(r"on the air here again, (7|9)\.\d s after it went off", text), text


async def test_more_trouble_than_a_card_names_is_counted(machine: Machine) -> None:
    count = TROUBLED + 3
    machine.apply(1, *(camera(number, "nothing") for number in range(count)))
    await machine.begin()
    await until(lambda: machine.said("cannot_run") >= count)
    await machine.renewed()
    await machine.renewed()
    assert (machine.card.running, machine.card.on_air, len(machine.card.troubled)) == (count, 0, TROUBLED)


async def test_a_disk_that_hangs_holds_nothing_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    held, there = threading.Event(), threading.Event()
    keep = machine.disk.keep

    def slow(*what: Any) -> None:
        there.set()
        held.wait(30)
        keep(*what)

    monkeypatch.setattr(machine.disk, "keep", slow)
    try:
        await on_air(machine)
        await until(there.is_set)
        for _ in range(5):
            await machine.renewed()
    finally:
        held.set()
    await until(lambda: machine.disk.desired == machine.member.desired)


async def test_a_call_that_fails_of_its_own_is_made_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a renewal nor a claim is under way for ever."""
    renew, claim, failed = machine.way.renew, machine.way.claim, []

    async def fail_once(what: str, doing: Any) -> Any:
        if what not in failed:
            failed.append(what)
            doing.close()
            raise RuntimeError("a bug")
        return await doing

    monkeypatch.setattr(machine.way, "renew", lambda *what: fail_once("renew", renew(*what)))
    monkeypatch.setattr(machine.way, "claim", lambda *what: fail_once("claim", claim(*what)))
    machine.apply(1, camera())
    await until(lambda: failed == ["renew"] and not machine.member.lease.asking)
    machine.now += RENEW * LEASE
    await machine.begin()
    await until(lambda: (0, 0) in machine.world.sinks)
    assert failed == ["renew", "claim"]


async def test_what_the_store_refuses_is_not_asked_for_without_pause(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store without a leader says no at once."""
    asked, began = 0, asyncio.get_running_loop().time()

    async def refuse(*what: Any) -> Never:
        nonlocal asked
        asked += 1
        raise CoordinatorError("no leader")

    machine.apply(1, camera())
    monkeypatch.setattr(machine.way, "claim", refuse)
    await machine.begin()
    await until(lambda: asked > 0)
    await asyncio.sleep(5 * TICK)
    assert asked <= (asyncio.get_running_loop().time() - began) / TICK + 1


async def test_who_leaves_says_so_again_and_again_but_not_without_pause(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.apply(1, camera(), rules=[{"cameras": "*", "overlap": True}])
    await machine.begin()
    await until(lambda: (0, 0) in machine.world.sinks)
    asked = 0

    async def refuse(*what: Any) -> Never:
        nonlocal asked
        asked += 1
        raise CoordinatorError("no leader")

    monkeypatch.setattr(machine.way, "renew", refuse)
    machine.stop.set()
    await until(lambda: asked > 0)
    for _ in range(3):
        machine.now += AGAIN_LEASE * LEASE
        await asyncio.sleep(3 * TICK)
    assert 1 < asked <= 4
    machine.now += LEAVE + 1
    await until(lambda: machine.ended)
