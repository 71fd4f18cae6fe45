"""A camera that begins on one member before it ends on another, and what of it holds when something dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.core.fleet.world import ENDING, LEASE, OVERLAP, TICK, World

from camcast.coordinators import Order
from camcast.fleet.parting import PARTING


@pytest.fixture
def world() -> World:
    """One camera, which `giver(world)` has, and which may overlap."""
    made = World("ab")
    for name in "ab":
        made.start(name)
    made.apply(1, 1, **OVERLAP)
    made.pass_(LEASE + 5)
    return made


def giver(world: World) -> str:
    return world.where()[0]


def heir(world: World) -> str:
    return "b" if giver(world) == "a" else "a"


def until(world: World, what: Callable[[], bool], within: float = 60.0) -> float:
    """Let time pass; returns how much."""
    began = world.now
    while not what():
        assert world.now < began + within
        world.pass_(TICK)
    return world.now - began


def on(world: World) -> set[str]:
    """Who has the camera on the air."""
    return {name for name, process in world.processes.items() if 0 in process.on_air}


def said(world: World, name: str) -> list[str]:
    return [one.code for one in world.processes[name].said if one.code in ("moves", "gap")]


def test_the_new_one_begins_before_the_old_one_ends_and_numbers_rise(world: World) -> None:
    old, new = giver(world), heir(world)
    fence = world.store.claims[0].fence
    world.order(old, Order.DRAIN)
    until(world, lambda: on(world) == {old, new})
    record = world.store.claims[0]
    assert (record.holder.name if record.holder else "", record.fence) == (new, fence + 1)
    assert record.giver is not None
    assert record.giver.name == old
    both = until(world, lambda: on(world) == {new})
    assert both < PARTING
    until(world, lambda: world.store.claims[0].giver is None)
    assert world.store.claims[0].fence == fence + 3
    assert said(world, old) == ["moves"]


def test_without_the_rule_the_old_one_ends_first() -> None:
    world = World("ab")
    for name in "ab":
        world.start(name)
    world.apply(1, 1)
    world.pass_(LEASE + 5)
    old, new = giver(world), heir(world)
    world.order(old, Order.DRAIN)
    until(world, lambda: not on(world))
    until(world, lambda: on(world) == {new})


def test_an_heir_that_does_not_come_on_the_air_is_waited_for_and_no_longer(world: World) -> None:
    old, new = giver(world), heir(world)
    world.processes[new].dark = True
    world.order(old, Order.DRAIN)
    until(world, lambda: on(world) == {old, new})
    took = until(world, lambda: on(world) == {new})
    assert PARTING - TICK <= took <= PARTING + ENDING + 2 * TICK
    assert said(world, old) == ["moves", "gap"]
    until(world, lambda: world.store.claims[0].giver is None)


def test_a_giver_that_is_thrown_out_ends_at_once(world: World) -> None:
    """Its destination has let the newcomer in, and would let it in again if it came back."""
    old, new = giver(world), heir(world)
    world.order(old, Order.DRAIN)
    until(world, lambda: on(world) == {old, new})
    world.processes[old].dark = True
    assert until(world, lambda: on(world) == {new}) <= ENDING + 2 * TICK


def test_nobody_else_gets_it_while_its_giver_may_run_it() -> None:
    """The heir dies at once, and the giver is cut off: only its lease ends it."""
    world = World("abc")
    for name in "abc":
        world.start(name)
    world.apply(1, 1, **OVERLAP)
    world.pass_(LEASE + 5)
    old = giver(world)
    world.order(old, Order.DRAIN)
    until(world, lambda: world.store.claims[0].giver is not None)
    holder = world.store.claims[0].holder
    assert holder is not None
    world.kill(holder.name)
    world.store.cut(old)
    (third,) = set("abc") - {old, holder.name}
    # The invariant is looked at in every tick: the third never has it on the air beside the giver.
    until(world, lambda: on(world) == {third})
    assert world.processes[old].member is not None


def test_what_was_offered_and_could_not_begin_is_taken_back_from_the_dead(world: World) -> None:
    old, new = giver(world), heir(world)
    process = world.processes[old]
    assert process.member is not None
    world.order(old, Order.DRAIN)
    until(world, lambda: process.member is not None and 0 in process.member.partings.offers)
    process.on_air.clear()
    process.member.failed(0, world.now)
    until(world, lambda: world.store.claims[0].giver is None and on(world) == {new})
    world.order(old, Order.NONE)
    world.kill(new)
    until(world, lambda: on(world) == {old}, LEASE + 2)


def test_an_heir_gives_nothing_on_that_its_giver_still_runs(world: World) -> None:
    old, new = giver(world), heir(world)
    world.processes[new].dark = True
    world.order(old, Order.DRAIN)
    until(world, lambda: on(world) == {old, new})
    world.order(old, Order.NONE)
    world.order(new, Order.DRAIN)
    until(world, lambda: on(world) == {new})
    assert world.store.claims[0].holder is not None
    world.processes[new].dark = False
    until(world, lambda: on(world) == {old})


def test_who_leaves_gives_it_first_and_nobody_gives_it_back(world: World) -> None:
    old, new = giver(world), heir(world)
    world.end(old)
    until(world, lambda: on(world) == {old, new})
    until(world, lambda: on(world) == {new})
    until(world, lambda: world.processes[old].member is None)
    world.pass_(LEASE)
    assert on(world) == {new}
    assert said(world, old) == ["moves"]


def test_who_leaves_gives_all_at_once_and_ends_what_may_not_overlap() -> None:
    world = World("ab")
    for name in "ab":
        world.start(name)
    rules = [{"cameras": "*", "overlap": True}, {"cameras": "cam0", "overlap": False}]
    world.apply(1, 20, fleet={"rules": rules})
    world.pass_(LEASE + 10)
    old = world.where()[0]
    mine = set(world.processes[old].on_air)
    (new,) = {"a", "b"} - {old}
    assert len(mine) > 4
    world.end(old)
    until(world, lambda: 0 not in world.processes[old].on_air)
    both = world.processes[old].on_air & world.processes[new].on_air
    assert both == mine - {0}
    until(world, lambda: world.processes[old].member is None)
    until(world, lambda: world.processes[new].on_air == set(range(20)))


@pytest.mark.parametrize("why", ["nobody else is there", "the store is away"])
def test_who_leaves_and_can_give_it_to_nobody_ends_it(world: World, why: str) -> None:
    old, new = giver(world), heir(world)
    if why == "the store is away":
        world.store.cut(old)
    else:
        world.kill(new)
        world.pass_(LEASE + 2)
    world.end(old)
    assert until(world, lambda: not world.processes[old].on_air) <= ENDING + 4 * TICK
