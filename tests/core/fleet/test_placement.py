"""Placement: everything once, little moves, and whoever asks gets the same answer."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.fleet import placement
from camcast.fleet.placement import FILLED, Place, Wanted, place

NAMES = ("ada", "bob", "cyd", "dan", "eve")


def cameras(count: int, **more: Any) -> list[Wanted]:
    return [Wanted(camera_id=number, name=f"cam{number}", **more) for number in range(count)]


def members(*capacities: float) -> list[Place]:
    return [Place(name=name, capacity=capacity) for name, capacity in zip(NAMES, capacities, strict=False)]


def moved(before: Mapping[int, str | None], after: Mapping[int, str | None]) -> set[int]:
    return {camera for camera, member in before.items() if member is not None and after.get(camera) != member}


def held(placed: Mapping[int, str | None]) -> dict[int, str]:
    return {camera: member for camera, member in placed.items() if member is not None}


SITES = st.lists(st.sampled_from("xy"), min_size=1, max_size=5)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=5), st.integers(0, 60), st.data())
def test_every_camera_has_one_member_while_there_is_room(
    capacities: list[int], count: int, data: st.DataObject
) -> None:
    there = members(*(max(one, 1) for one in capacities))
    now = data.draw(st.dictionaries(st.integers(0, 60), st.sampled_from(NAMES)))
    placed = place(cameras(count), there, now)
    load = Counter(held(placed).values())
    assert set(placed) == set(range(count))
    assert all(load[one.name] <= one.capacity for one in there)
    assert len(held(placed)) == min(count, sum(int(one.capacity) for one in there))


@given(SITES, st.lists(st.sampled_from(["x", "y", ""]), max_size=20), st.data())
def test_labels_hold_and_nobody_stays_out_who_could_be_in(
    sites: list[str], asked: list[str], data: st.DataObject
) -> None:
    """With one kind of label the most that can be placed is known, however cameras stood before."""
    there = [Place(name=n, capacity=3, labels={"site": s}) for n, s in zip(NAMES, sites, strict=False)]
    wanted = [Wanted(camera_id=i, labels={"site": site} if site else {}) for i, site in enumerate(asked)]
    now = data.draw(st.dictionaries(st.integers(0, 20), st.sampled_from(NAMES)))
    placed = place(wanted, there, now)
    site_of = dict(zip(NAMES, sites, strict=False))
    assert all(not asked[camera] or site_of[member] == asked[camera] for camera, member in held(placed).items())
    room = {site: 3 * sites.count(site) for site in "xy"}
    bound = {site: min(asked.count(site), room[site]) for site in "xy"}
    rest = sum(room.values()) - sum(bound.values())
    assert len(held(placed)) == sum(bound.values()) + min(asked.count(""), rest)


@given(st.permutations(range(30)), st.permutations(range(4)), st.data())
def test_the_order_in_which_things_are_known_changes_nothing(
    order: Sequence[int], places: Sequence[int], data: st.DataObject
) -> None:
    wanted = [
        Wanted(camera_id=i, name=f"cam{i}", weight=1 + i % 3, not_with=("cam1*",) if i % 7 == 0 else ())
        for i in range(30)
    ]
    there = members(20, 25, 30, 35)
    now = data.draw(st.dictionaries(st.integers(0, 29), st.sampled_from(NAMES)))
    shuffled = dict(data.draw(st.permutations(list(now.items()))))
    assert place([wanted[i] for i in order], [there[i] for i in places], shuffled) == place(wanted, there, now)


@given(st.integers(1, 80), st.integers(2, 5), st.integers(0, 4))
def test_a_member_that_dies_moves_its_own_cameras_only(count: int, size: int, dead: int) -> None:
    there = members(*[100] * size)
    before = place(cameras(count), there)
    gone = there[dead % size].name
    after = place(cameras(count), [one for one in there if one.name != gone], held(before))
    assert moved(before, after) == {camera for camera, member in before.items() if member == gone}
    assert None not in after.values()


@given(st.integers(0, 200), st.integers(1, 4))
def test_a_member_that_joins_takes_its_share_and_nothing_else_moves(count: int, size: int) -> None:
    there = members(*[200] * (size + 1))
    before = place(cameras(count), there[:-1])
    after = place(cameras(count), there, held(before))
    joined = there[-1].name
    assert all(after[camera] == joined for camera in moved(before, after))
    load = Counter(held(after).values())
    assert FILLED * count / (size + 1) - 1 <= load[joined] <= count / (size + 1)


@given(st.integers(0, 60), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.data())
def test_placed_once_is_placed(count: int, capacities: list[int], data: st.DataObject) -> None:
    now = data.draw(st.dictionaries(st.integers(0, 59), st.sampled_from(NAMES)))
    once = place(cameras(count), members(*capacities), now)
    assert place(cameras(count), members(*capacities), held(once)) == once


@pytest.mark.parametrize("count", range(1, 30))
def test_what_does_not_divide_evenly_differs_by_one(count: int) -> None:
    load = Counter(held(place(cameras(count), members(*[100] * 5))).values())
    assert max(load.values()) - min([load[name] for name in NAMES]) <= 1


def test_a_member_of_twice_the_capacity_takes_twice_as_much() -> None:
    load = Counter(place(cameras(900), members(400, 800, 600)).values())
    assert load == {"ada": 200, "bob": 400, "cyd": 300}


def test_near_is_a_wish_and_labels_are_none() -> None:
    there = [Place(name="ada", capacity=2, labels={"site": "a"}), Place(name="bob", capacity=9)]
    near = place(cameras(3, near={"site": "a"}), there)
    assert Counter(near.values()) == {"ada": 2, "bob": 1}
    must = place(cameras(3, labels={"site": "a"}), there)
    assert Counter(must.values()) == {"ada": 2, None: 1}


def test_twins_are_kept_apart_also_when_their_members_are_few() -> None:
    wanted = [Wanted(camera_id=0, name="hall-a", not_with=("hall-*",)), Wanted(camera_id=1, name="hall-b")]
    assert len(set(held(place(wanted, members(9, 9))).values())) == 2
    alone = place(wanted, members(9))
    assert sorted(map(str, alone.values())) == ["None", "ada"]
    assert None not in place(wanted, members(9, 9), {0: "ada", 1: "ada"}).values()


def test_a_cordoned_member_keeps_what_it_has_and_gets_nothing() -> None:
    there = [Place(name="ada", capacity=9, takes_more=False), Place(name="bob", capacity=9)]
    assert place(cameras(4), there, {0: "ada"}) == {0: "ada", 1: "bob", 2: "bob", 3: "bob"}


def test_a_drained_member_gives_what_others_have_room_for() -> None:
    there = [Place(name="ada", capacity=9, keeps=False), Place(name="bob", capacity=2)]
    placed = place(cameras(3), there, dict.fromkeys(range(3), "ada"))
    assert Counter(placed.values()) == {"bob": 2, "ada": 1}


def test_nobody_is_there() -> None:
    assert place(cameras(2), []) == {0: None, 1: None}


def calls(function: Any, *arguments: Any) -> int:
    """How many Python functions a call of one goes through."""
    count = 0

    def seen(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename == placement.__file__

    sys.setprofile(seen)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("sizes", [(250, 1000)])
def test_the_work_grows_with_the_cameras_and_no_faster(sizes: tuple[int, int]) -> None:
    small, large = (calls(place, cameras(count), members(*[count] * 4)) for count in sizes)
    assert large < 1.2 * small * sizes[1] / sizes[0]
    assert large < 60 * sizes[1]
