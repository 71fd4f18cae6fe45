"""The twin: kept, brought back with patience, and taken."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import chain
from tests.core.world import World, until

from camcast.errors import NetworkError
from camcast.session.environment import Environment
from camcast.session.opening import Opened, Opener
from camcast.session.parting import Parting
from camcast.session.stage import OnAir
from camcast.session.twin import MAX_DELAY, Bystander, Twin


@attrs.define(eq=False)
class Place:
    """A twin's keeper without a session: the first target is on the air."""

    world: World
    opener: Opener
    parting: Parting
    active: OnAir
    twin: Twin = attrs.field(init=False)
    time: float = 1000.0
    notes: list[str] = attrs.field(factory=list)
    losses: int = 0

    def __attrs_post_init__(self) -> None:
        self.twin = Twin(self.opener, self, lambda: self.time)

    def note(self, code: str, text: str) -> None:
        self.notes.append(code)

    def twin_lost(self) -> None:
        self.losses += 1

    async def keep(self, target: int = 1) -> None:
        await self.twin.keep(self.active, target)


@pytest.fixture
async def place(world: World) -> AsyncIterator[Place]:
    engine: Any = await world.start()
    parting = Parting()
    environment = engine._environment
    assert isinstance(environment, Environment)
    opener = Opener(chain("a", "b"), environment, engine.cameras.stream(0, 0).feed, parting)
    outcome = await opener.new(0, Bystander()).run()
    assert isinstance(outcome, Opened)
    made = Place(world, opener, parting, outcome.published.start())
    yield made
    made.twin.let_go(clean=False)
    opener.let_go(made.active.attempt)
    await parting.gone()
    assert not world.servers.alive


async def test_it_publishes_the_same_on_one_timeline(place: Place) -> None:
    await place.keep()
    await place.keep()
    twin = place.twin.on_air
    assert twin is not None
    assert place.world.servers.connects["b"] == 1
    assert twin.outlet.base == place.active.outlet.base
    assert twin.attempt.owner.flow is not place.active.attempt.owner.flow
    assert place.notes == ["redundancy"]


async def test_one_that_is_lost_is_told_and_brought_back(place: Place) -> None:
    await place.keep()
    place.world.servers.lose("b", NetworkError("reset"))
    await until(lambda: place.losses == 1)
    place.time += 1.0
    await place.keep()
    assert place.notes == ["redundancy", "redundancy_lost", "redundancy"]
    assert place.world.servers.connects["b"] == 2


async def test_it_is_tried_again_with_growing_patience(place: Place) -> None:
    place.world.servers.down["connect", "b"] = NetworkError("refused")
    tries: list[float] = []
    while place.time < 1400:
        before = place.world.servers.connects["b"]
        await place.keep()
        if place.world.servers.connects["b"] > before:
            tries.append(place.time)
        place.time += 1
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert gaps[:7] == [1, 2, 4, 8, 16, 32, MAX_DELAY]
    assert set(gaps[7:]) == {MAX_DELAY}
    assert place.notes == ["redundancy_lost"]


async def test_where_the_session_publishes_already_there_can_be_none_until_it_moves(place: Place) -> None:
    for _ in range(3):
        await place.keep(0)
        place.time += 100
    assert place.notes == ["redundancy_lost"]
    await place.keep(1)
    assert place.world.servers.connects["b"] == 0
    place.twin.begin()
    await place.keep(1)
    assert place.twin.on_air is not None


async def test_it_is_taken_once(place: Place) -> None:
    await place.keep()
    twin = place.twin.on_air
    assert place.twin.take() is twin
    assert place.twin.take() is None
    assert place.notes == ["redundancy", "redundancy_lost"]
    assert twin is not None
    place.opener.let_go(twin.attempt)


async def test_one_that_is_lost_is_not_taken(place: Place) -> None:
    await place.keep()
    place.world.servers.lose("b", NetworkError("reset"))
    assert place.twin.take() is None
