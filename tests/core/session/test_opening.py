"""The one way onto the air: what comes of each end, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import MemoryTransport, World, until

from camcast.errors import NetworkError, RefusedError, TransportError
from camcast.session.environment import Environment
from camcast.session.opening import Failed, Interrupted, Opened, Opener
from camcast.session.parting import Parting
from camcast.session.stage import Connected, Prepared
from camcast.session.twin import Bystander
from camcast.stream.feed import Feed


@attrs.define(eq=False)
class Place:
    """A session's opener without the session."""

    world: World
    opener: Opener
    parting: Parting
    returned: list[Connected] = attrs.field(factory=list)

    def release(self, spare: Connected) -> None:
        self.returned.append(spare)

    async def gone(self) -> bool:
        """Whether nothing is connected once all that was let go has closed."""
        await self.parting.gone()
        return not self.world.servers.alive


@pytest.fixture
async def place(world: World) -> AsyncIterator[Place]:
    config = chain("a", "b")
    engine = await world.start()
    feed = engine.cameras.stream(0, 0).feed
    assert isinstance(feed, Feed)
    environment = engine._environment
    assert isinstance(environment, Environment)
    parting = Parting()
    yield Place(world, Opener(config, environment, feed, parting), parting)
    await parting.gone()


async def test_it_opens(place: Place) -> None:
    prepared: list[Prepared] = []
    outcome = await place.opener.new(0, Bystander()).run(prepared=prepared.append)
    assert isinstance(outcome, Opened)
    published = outcome.published
    assert [p.name for p in prepared] == [published.name] == ["mem://a/key-of-a"]
    assert place.world.servers.live("a")
    assert published.attempt.used
    assert published.connected.transport is published.attempt.transport
    place.opener.let_go(published.attempt)
    assert await place.gone()


@pytest.mark.parametrize("step", ["connect", "publish"])
async def test_it_fails_and_nothing_is_left(place: Place, step: str) -> None:
    place.world.servers.faults[step, "a"] = [RefusedError("no")]
    opening = place.opener.new(0, Bystander())
    outcome = await opening.run()
    assert isinstance(outcome, Failed)
    assert outcome.attempt is opening.attempt
    assert str(outcome.error) == "no"
    assert await place.gone()


@pytest.mark.parametrize("step", ["connect", "publish"])
async def test_it_is_interrupted_and_nothing_is_left(place: Place, step: str) -> None:
    place.world.servers.hang.add((step, "a"))
    opening = place.opener.new(0, Bystander())
    run = asyncio.create_task(opening.run())
    await until(lambda: place.world.servers.alive)
    opening.interrupt()
    assert isinstance(await run, Interrupted)
    assert await place.gone()


async def test_interrupted_before_it_has_begun(place: Place) -> None:
    opening = place.opener.new(0, Bystander())
    opening.interrupt()
    assert isinstance(await opening.run(), Interrupted)
    assert place.world.servers.connects["a"] == 0


async def test_interrupted_when_it_is_through_changes_nothing(place: Place) -> None:
    opening = place.opener.new(0, Bystander())
    outcome = await opening.run()
    opening.interrupt()
    assert isinstance(outcome, Opened)
    assert place.world.servers.live("a")
    place.opener.let_go(outcome.published.attempt)


@pytest.mark.parametrize("step", ["connect", "publish"])
async def test_cancelling_leaves_nothing(place: Place, step: str) -> None:
    place.world.servers.hang.add((step, "a"))
    run = asyncio.create_task(place.opener.new(0, Bystander()).run())
    await until(lambda: place.world.servers.alive)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await place.gone()


async def test_whoever_asks_may_keep_it_from_going_there(place: Place) -> None:
    def refuse(prepared: Prepared) -> None:
        raise TransportError("not there", stage="publish")

    outcome = await place.opener.new(0, Bystander()).run(prepared=refuse)
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == "not there"
    assert place.world.servers.connects["a"] == 0


async def test_a_bug_is_a_failure(place: Place) -> None:
    def crash(prepared: Prepared) -> None:
        raise ZeroDivisionError

    outcome = await place.opener.new(0, Bystander()).run(prepared=crash)
    assert isinstance(outcome, Failed)
    assert (str(outcome.error), outcome.error.stage) == ("internal error: ZeroDivisionError", "internal")
    assert await place.gone()


async def test_lost_while_it_is_published_is_a_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = MemoryTransport.publish

    async def loses(self: MemoryTransport, tracks: object) -> None:
        await publish(self, tracks)  # type: ignore[arg-type]
        self.context.events.lost(NetworkError("reset"))

    monkeypatch.setattr(MemoryTransport, "publish", loses)
    outcome = await place.opener.new(0, Bystander()).run()
    assert isinstance(outcome, Failed)
    assert str(outcome.error) == "reset"
    assert await place.gone()


async def test_a_name_is_not_used_before_whoever_had_it_is_gone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()
    close = MemoryTransport.close

    async def slow(self: MemoryTransport) -> None:
        await release.wait()
        await close(self)

    first = await place.opener.new(0, Bystander()).run()
    assert isinstance(first, Opened)
    monkeypatch.setattr(MemoryTransport, "close", slow)
    place.opener.let_go(first.published.attempt)
    second = asyncio.create_task(place.opener.new(0, Bystander()).run())
    other = await place.opener.new(1, Bystander()).run()
    assert isinstance(other, Opened)
    assert place.world.servers.connects["a"] == 1
    release.set()
    outcome = await second
    assert isinstance(outcome, Opened)
    assert place.world.servers.clashes == 0
    for one in (outcome, other):
        place.opener.let_go(one.published.attempt)


async def spare(place: Place) -> Connected:
    return await place.opener.spare(1, Bystander())


async def test_a_spare_is_connected_and_no_more(place: Place) -> None:
    one = await spare(place)
    assert one.fresh
    assert one.target == 1
    assert not place.world.servers.live("b")
    assert place.world.servers.connects["b"] == 1
    owner = Bystander()
    outcome = await place.opener.of_spare(one, place, owner).run()
    assert isinstance(outcome, Opened)
    assert outcome.published.attempt is one.attempt
    assert one.attempt.owner is owner
    assert not one.fresh
    assert place.world.servers.connects["b"] == 1
    place.opener.let_go(one.attempt)


async def test_a_spare_that_cannot_be_connected_leaves_nothing(place: Place) -> None:
    place.world.servers.faults["connect", "b"] = [NetworkError("refused")]
    with pytest.raises(NetworkError):
        await spare(place)
    assert await place.gone()


async def _refused(place: Place, one: Connected) -> None:
    def refuse(prepared: Prepared) -> None:
        raise TransportError("not there")

    assert isinstance(await place.opener.of_spare(one, place, Bystander()).run(prepared=refuse), Failed)


async def _interrupted(place: Place, one: Connected) -> None:
    opening = place.opener.of_spare(one, place, Bystander())
    opening.interrupt()
    assert isinstance(await opening.run(), Interrupted)


@pytest.mark.parametrize("end", [_refused, _interrupted])
async def test_a_spare_that_is_not_used_goes_home(place: Place, end: Callable[..., object]) -> None:
    one = await spare(place)
    await end(place, one)  # type: ignore[misc]
    assert place.returned == [one]
    assert one.fresh
    await one.close()


async def test_a_spare_goes_by_what_was_reloaded_since(place: Place) -> None:
    one = await spare(place)
    reloaded = chain("a", "b", stall_timeout=7.0)
    place.opener.adopt(reloaded)
    outcome = await place.opener.of_spare(one, place, Bystander()).run()
    assert isinstance(outcome, Opened)
    assert one.attempt.config is reloaded
    place.opener.let_go(one.attempt)


async def test_one_that_is_interrupted_leaves_no_cancellation_to_whoever_ran_it(place: Place) -> None:
    place.world.servers.hang.add(("connect", "a"))
    opening = place.opener.new(0, Bystander())

    async def runs() -> int:
        assert isinstance(await opening.run(), Interrupted)
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return task.cancelling()

    running = asyncio.create_task(runs())
    await until(lambda: place.world.servers.connects["a"])
    opening.interrupt()
    assert await running == 0
    place.world.servers.hang.clear()


async def test_attempts_are_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []

    async def prepare(self: Environment, config: object, number: int, known: object) -> None:
        numbers.append(number)
        raise NetworkError("no")

    monkeypatch.setattr(Environment, "prepare", prepare)
    for index in (0, 1, 0):
        await place.opener.new(index, Bystander()).run()
    with pytest.raises(NetworkError):
        await spare(place)
    assert numbers == [0, 1, 2, 3]
