"""What a fleet does when something dies, told with a made-up clock and a store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.core.fleet.world import ENDING, LEASE, TICK, Process, World, now_

from camcast.coordinators import Away, Card, ClaimNews, Desired, DesiredNews, Hold, Holder, MemberNews, Order, Synced
from camcast.errors import CoordinatorError
from camcast.fleet import planning
from camcast.fleet.actions import Bury, Renew, Say, Start, Stop
from camcast.fleet.lease import AGAIN as AGAIN_LEASE
from camcast.fleet.lease import RENEW
from camcast.fleet.member import Member
from camcast.fleet.placement import place
from camcast.fleet.roster import LIVES, Roster
from camcast.fleet.running import AGAIN, AGAIN_MOST, Running
from camcast.fleet.signs import last_sign_of
from camcast.testing.coordinator import MemoryCoordinator

CAMERAS = 12


def running(hold: Hold = Hold.LEASE, names: str = "abc") -> World:
    """A world in which all is well."""
    world = World(names, hold)
    for name in names:
        world.start(name)
    world.apply(1, CAMERAS)
    world.pass_(LEASE + 3)
    assert set(world.where()) == set(range(CAMERAS))
    return world


def on(world: World, name: str) -> set[int]:
    return set(world.processes[name].on_air)


def codes(world: World, name: str) -> list[str]:
    return [one.code for one in world.processes[name].said]


def test_a_fleet_shares_its_cameras() -> None:
    assert Counter(running().where().values()) == {"a": 4, "b": 4, "c": 4}


def test_a_new_store_is_not_trusted_for_a_lease() -> None:
    world = World("ab")
    world.start("a")
    world.apply(1, 2)
    world.pass_(LEASE - 1)
    assert world.where() == {}
    world.pass_(2)
    assert set(world.where()) == {0, 1}


def test_new_cameras_begin_at_once() -> None:
    world = running()
    world.apply(2, CAMERAS + 3)
    world.pass_(1)
    assert len(world.where()) == CAMERAS + 3


@pytest.mark.parametrize("hold", Hold)
def test_a_member_that_dies_is_replaced_within_its_lease(hold: Hold) -> None:
    world = running(hold)
    before = world.where()
    world.kill("b")
    world.pass_(LEASE + 2)
    after = world.where()
    assert set(after) == set(range(CAMERAS))
    assert {camera for camera in after if after[camera] != before[camera]} == {
        camera for camera, name in before.items() if name == "b"
    }
    assert "buried" in codes(world, "a") + codes(world, "c")


def test_a_member_that_comes_back_takes_its_share_and_no_more_moves() -> None:
    world = running()
    world.kill("b")
    world.pass_(LEASE + 2)
    before = world.where()
    world.start("b")
    world.pass_(10)
    after = world.where()
    assert Counter(after.values()) == {"a": 4, "b": 4, "c": 4}
    assert all(after[camera] == "b" for camera in after if after[camera] != before[camera])


def test_a_restart_that_knows_its_last_life_to_be_over_waits_for_nothing() -> None:
    world = running()
    before = world.where()
    world.kill("b")
    world.start("b")
    world.pass_(3 * TICK)
    assert world.where() == before


def test_a_restart_without_its_disk_waits_the_lease_out() -> None:
    world = running()
    world.kill("b")
    world.start("b", remembers=False)
    world.pass_(LEASE / 2)
    assert on(world, "b") == set()
    world.pass_(LEASE)
    assert len(world.where()) == CAMERAS


def test_all_restarted_at_once() -> None:
    world = running()
    before = world.where()
    for name in "abc":
        world.kill(name)
    for name in "abc":
        world.start(name)
    world.pass_(2)
    assert world.where() == before


@pytest.mark.parametrize("remembers", [True, False])
def test_all_restarted_with_a_store_that_lost_everything(remembers: bool) -> None:
    world = running()
    for name in "abc":
        world.kill(name)
    world.store.wipe()
    for name in "abc":
        world.start(name, remembers=remembers)
    world.pass_(LEASE - 1)
    assert world.where() == {}
    if not remembers:
        world.apply(1, CAMERAS)
    world.pass_(4)
    assert len(world.where()) == CAMERAS


@pytest.mark.parametrize("hold", Hold)
def test_a_store_that_loses_everything_stops_nothing(hold: Hold) -> None:
    world = running(hold)
    before = world.where()
    world.store.wipe()
    for _ in range(60):
        world.pass_(TICK)
        assert world.where() == before
    assert world.store.versions[-1].version == 1
    assert {number for number, news in world.store.claims.items() if news.holder} == set(range(CAMERAS))


def test_a_store_that_goes_back_in_time_stops_nothing() -> None:
    """Its records of the past say who had a camera once; who has it now writes that down again."""
    world = running()
    past = dict(world.store.claims)
    world.kill("b")
    world.pass_(LEASE + 3)
    before = world.where()
    world.store.claims = past
    for name in "ac":
        world.store.again(name, "it has gone back")
    for _ in range(40):
        world.pass_(TICK)
        assert world.where() == before
    assert {news.holder.name for news in world.store.claims.values() if news.holder} == {"a", "c"}


def test_fencing_numbers_rise_past_a_store_that_lost_everything() -> None:
    world = running()
    before = {number: news.fence for number, news in world.store.claims.items()}
    world.store.wipe()
    world.pass_(3)
    assert all(world.store.claims[number].fence > fence for number, fence in before.items())


@pytest.mark.parametrize("name", ["a", "abc"])
def test_a_member_without_the_store_stops_before_its_lease_ends(name: str) -> None:
    world = running()
    for one in name:
        world.store.cut(one)
    world.pass_(LEASE * 0.9)
    assert on(world, "a") == set()
    assert "lease_over" in codes(world, "a")
    assert world.killed_by_kernel == 0
    world.pass_(3)
    assert len(world.where()) == (0 if name == "abc" else CAMERAS)
    for one in name:
        world.store.heal(one)
    world.pass_(4)
    assert len(world.where()) == CAMERAS


def test_a_short_outage_of_the_store_stops_nothing() -> None:
    world = running()
    before = world.where()
    for name in "abc":
        world.store.cut(name)
    world.pass_(LEASE / 3)
    for name in "abc":
        world.store.heal(name)
    for _ in range(40):
        world.pass_(TICK)
        assert world.where() == before


def test_a_renewal_that_fails_is_tried_again_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that refuses for half of the lease, as while it has no leader, costs nothing; the pace is bounded."""
    world, renew, refused = running(), MemoryCoordinator.renew, Counter[str]()
    before = world.where()
    until = world.now + LEASE / 2

    async def refuse(self: MemoryCoordinator, card: Card, after: int) -> int:
        if world.now < until:
            refused[card.holder.name] += 1
            raise CoordinatorError("no leader")
        return await renew(self, card, after)

    monkeypatch.setattr(MemoryCoordinator, "renew", refuse)
    for _ in range(int(LEASE / TICK)):
        world.pass_(TICK)
        assert world.where() == before
    assert all("lease_over" not in codes(world, name) for name in "abc")
    assert max(refused.values()) <= LEASE / 2 / TICK
    # With nothing left to save it is asked as seldom as ever.
    until, refused = world.now + 3 * LEASE, Counter()
    world.pass_(2 * LEASE)
    assert world.where() == {}
    assert max(refused.values()) <= 0.6 / AGAIN_LEASE + 2 / RENEW


def test_with_forever_an_outage_of_the_store_stops_nothing() -> None:
    world = running(Hold.FOREVER)
    before = world.where()
    for name in "abc":
        world.store.cut(name)
    world.pass_(10 * LEASE)
    assert world.where() == before
    for name in "abc":
        world.store.heal(name)
    world.pass_(3 * LEASE)
    assert world.where() == before


def test_with_forever_who_was_cut_off_stops_once_it_hears_of_another() -> None:
    world = running(Hold.FOREVER)
    mine = on(world, "a")
    world.store.cut("a")
    world.pass_(LEASE + 2)
    assert on(world, "a") == mine
    assert on(world, "b") | on(world, "c") == set(range(CAMERAS))
    world.store.heal("a")
    world.pass_(ENDING + 1)
    assert not on(world, "a") & (on(world, "b") | on(world, "c"))
    world.pass_(LEASE)
    assert Counter(world.where().values()) == {"a": 4, "b": 4, "c": 4}


def test_a_frozen_process_is_ended_before_anybody_takes_its_cameras() -> None:
    world = running()
    world.freeze("a")
    world.pass_(LEASE * 0.9 + TICK)
    assert world.killed_by_kernel == 1
    world.pass_(3)
    assert len(world.where()) == CAMERAS


def test_a_process_that_was_frozen_for_a_moment_goes_on() -> None:
    world = running()
    before = world.where()
    world.freeze("a")
    world.pass_(LEASE / 2)
    world.thaw("a")
    world.pass_(LEASE)
    assert world.where() == before
    assert world.killed_by_kernel == 0


def test_lost_answers_are_no_answers() -> None:
    world = running()
    world.processes["a"].deaf = True
    world.pass_(LEASE)
    assert on(world, "a") == set()
    world.processes["a"].deaf = False
    world.pass_(2 * LEASE)
    assert len(world.where()) == CAMERAS


def test_drain_moves_everything_and_cordon_nothing() -> None:
    world = running()
    world.order("a", Order.CORDON)
    world.pass_(3)
    assert len(on(world, "a")) == 4
    world.kill("b")
    world.pass_(LEASE + 2)
    assert (len(on(world, "a")), len(on(world, "c"))) == (4, 8)
    world.start("b")
    world.order("a", Order.DRAIN)
    world.pass_(10)
    assert on(world, "a") == set()
    assert len(world.where()) == CAMERAS
    world.order("a", Order.NONE)
    world.pass_(10)
    assert len(on(world, "a")) == 4


def test_who_leaves_leaves_at_once() -> None:
    world = running()
    member = world.processes["b"].member
    assert member is not None
    member.leave()
    world.pass_(ENDING + 1)
    assert member.gone
    world.pass_(2)
    assert (len(world.where()), on(world, "b")) == (CAMERAS, set())


def test_a_camera_that_is_changed_is_begun_anew_and_one_that_is_dropped_ends() -> None:
    world = running(names="a")
    world.apply(2, CAMERAS - 2, weather="fine")
    world.pass_(ENDING + 2)
    assert on(world, "a") == set(range(CAMERAS - 2))
    member = world.processes["a"].member
    assert member is not None
    now_(MemoryCoordinator(world.store, "operator").put(Desired(version=3, mapping={"cameras": [{"camera_id": 0}]})))
    stopped = [action for action in member.step(world.now) if isinstance(action, Stop)]
    assert stopped == [Stop(camera) for camera in range(CAMERAS - 2)]
    assert not any(isinstance(action, Start | Stop) for action in member.step(world.now + TICK))
    for camera in range(CAMERAS - 2):
        member.stopped(camera)
    started = [action.camera_id for action in member.step(world.now + 1) if isinstance(action, Start)]
    assert started == [0]


def test_two_processes_of_one_name_do_not_both_run() -> None:
    world = running(names="ab")
    world.processes["x"] = twin = Process("a", Hold.LEASE, lives=50)
    world.start("x")
    world.pass_(3 * LEASE)
    assert twin.on_air == set()
    assert len(world.where()) == CAMERAS
    assert codes(world, "x").count("name_taken") == 1
    assert "name_taken" not in codes(world, "a") + codes(world, "b")


def test_an_unusable_desired_state_changes_nothing() -> None:
    world = running()
    before = world.where()
    world.apply(2, 3, fleet={"rules": 7})
    world.pass_(3)
    assert world.where() == before
    assert "unusable" in codes(world, "a")


def placements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each placement that anybody computes."""
    placed: list[int] = []

    def counted(*what: Any) -> Mapping[int, str | None]:
        placed.append(1)
        return place(*what)

    monkeypatch.setattr(planning, "place", counted)
    return placed


def test_renewals_place_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running()
    placed = placements(monkeypatch)
    world.pass_(3 * LEASE)
    assert placed == []
    changes: dict[str, Callable[[], None]] = {
        "desired": lambda: world.apply(2, CAMERAS + 1),
        "order": lambda: world.order("a", Order.CORDON),
        "death": lambda: world.kill("b"),
        "newcomer": lambda: world.start("b"),
    }
    for name, change in changes.items():
        change()
        world.pass_(LEASE + 3)
        assert placed, name
        world.pass_(LEASE)
        placed.clear()
        world.pass_(LEASE)
        assert placed == []


def test_a_camera_that_another_took_is_placed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    world = running()
    placed = placements(monkeypatch)
    member = world.processes["a"].member
    assert member is not None
    mine = next(iter(on(world, "a")))
    record = member.claims.record(mine)
    assert record is not None
    member.hear(ClaimNews(mine, record.fence + 1, Holder("c", "1.0")), world.now)
    world.pass_(2 * TICK)
    assert placed


def test_what_is_told_before_the_store_is_away_is_forgotten() -> None:
    """Also where it was not all: the next time it may not be there any more, and then nobody has it."""
    world = running()
    world.store.cut_midway("a", 3 + CAMERAS)
    member = world.processes["a"].member
    assert member is not None
    assert member.claims.holders() == {}
    assert member.roster.seen == {}
    assert member.store.version == 0
    world.store.wipe()
    world.store.heal("a")
    assert member.claims.holders() == {}
    world.pass_(3 * LEASE)
    assert len(world.where()) == CAMERAS


def test_an_old_disk_does_not_replace_what_another_store_has() -> None:
    world = World("a")
    process = world.processes["a"]
    process.disk = (Desired(version=40, mapping={"cameras": [{"camera_id": 77}]}, origin="old"), {}, "")
    world.apply(1, 2, origin="new")
    world.start("a")
    world.pass_(LEASE + 3)
    assert [one.version for one in world.store.versions] == [1]
    assert set(world.where()) == {0, 1}
    world.apply(2, 3, origin="new")
    world.pass_(LEASE)
    assert set(world.where()) == {0, 1, 2}


def test_an_old_disk_fills_an_empty_store_and_what_has_gone_back() -> None:
    world = World("a")
    kept = Desired(version=40, mapping={"cameras": [{"camera_id": 77}]}, origin="old")
    world.processes["a"].disk = (kept, {}, "")
    world.start("a")
    world.pass_(LEASE + 3)
    assert world.store.versions == [kept]
    world.store.versions[:] = [Desired(version=39, mapping={"cameras": []}, origin="old")]
    world.store.again("a", "it has gone back")
    world.pass_(1)
    assert world.store.versions[-1] == kept
    assert set(world.where()) == {77}


def test_what_comes_before_all_is_known_is_no_order_to_give_anything_back() -> None:
    member = Member("a", lives=iter("xyz").__next__, lease=LEASE, desired=Desired(version=9, mapping={}, origin="old"))
    newer = Desired(version=1, mapping={"cameras": []}, origin="new")
    for news in (Away("…"), DesiredNews(newer), Synced("e")):
        member.hear(news, 0.0)
    assert member.desired == newer


def test_what_cannot_begin_is_tried_again_after_longer_and_longer() -> None:
    running, now, waits = Running(), 0.0, []
    for _ in range(9):
        assert running.may_begin(1, "spec", now)
        running.begin(1, "spec")
        assert not running.may_begin(1, "spec", now)
        running.failed(1, now)
        waits.append(
            next(
                wait
                for wait in (AGAIN * 2.0**n for n in range(9))
                if running.may_begin(1, "spec", now + min(wait, AGAIN_MOST))
            )
        )
        now += AGAIN_MOST
    assert waits == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert not running.may_begin(1, "spec", now - 1)
    assert running.may_begin(1, "another", now - 1)
    running.begin(1, "another")
    running.begun(1)
    running.ended(1)
    assert running.may_begin(1, "spec", now - 1)


def test_a_burial_that_is_asked_for_again_is_told_once() -> None:
    """Its answer comes before the store has told of it, or another was quicker."""
    member = Member("a", lives=lambda: "1", lease=LEASE)
    dead, mine = Card(holder=Holder("b", "1"), capacity=1, lease=LEASE), Card(holder=member.me, capacity=1, lease=LEASE)
    for news in (MemberNews("b", 1, dead), Synced("e")):
        member.hear(news, 0.0)
    (renew,) = (one for one in member.step(LEASE) if isinstance(one, Renew))
    member.renewed(renew, 2, mine, LEASE, LEASE)
    found = []
    for now in (LEASE, LEASE + 0.01, LEASE + 0.02):
        found += member.step(now)
        member.buried("b")
    assert [type(one) for one in found if isinstance(one, Bury)] == [Bury] * 3
    assert [one.code for one in found if isinstance(one, Say)] == ["buried"]


def test_the_last_sign_of_a_camera_is_of_the_life_that_had_it() -> None:
    world = running()
    where = world.where()
    mine = next(camera for camera, name in where.items() if name == "a")
    other = next(camera for camera, name in where.items() if name == "b")
    member = world.processes["a"].member
    assert member is not None
    assert last_sign_of(member, mine) is None
    alive = world.now
    world.kill("b")
    world.pass_(3)
    sign = last_sign_of(member, other)
    assert sign is not None
    assert alive - RENEW * LEASE - 1 <= sign <= alive
    # Of what a store has lost, it is from before that, however long its member lives.
    third = next(camera for camera, name in world.where().items() if name == "c")
    card = member.roster.card("c")
    assert card is not None
    lost = world.now
    member.hear(Away("the store begins anew"), lost)
    member.hear(MemberNews("c", 1, card), lost + 5)
    member.hear(MemberNews("c", 2, card), lost + 7)
    member.hear(Synced("another life"), lost + 7)
    assert member.roster.signs[card.holder] == lost + 7
    assert last_sign_of(member, third) == lost


def test_a_record_that_was_there_before_is_as_old_as_it_says() -> None:
    roster = Roster(wall=lambda: 5000.0)
    holder = Holder("b", "1")
    roster.hear(MemberNews("b", 1, Card(holder=holder, capacity=1, lease=10, at=4990.0)), 100.0)
    assert roster.signs[holder] == 90.0
    # Seen to be renewed, it is from now, whatever clock the other has.
    roster.hear(MemberNews("b", 2, Card(holder=holder, capacity=1, lease=10, at=1.0)), 107.0)
    assert roster.signs[holder] == 107.0
    # An older camcast does not say; a clock that is ahead is no reason for a time to come.
    for number, at in enumerate((0.0, 6000.0)):
        other = Holder(f"c{number}", "1")
        roster.hear(MemberNews(other.name, 1, Card(holder=other, capacity=1, lease=10, at=at)), 110.0)
        assert roster.signs[other] == 110.0


def test_lives_that_are_long_over_are_forgotten() -> None:
    roster = Roster()
    for life in range(50):
        card = Card(holder=Holder("b", str(life)), capacity=1, lease=10)
        roster.hear(MemberNews("b", life + 1, card), float(life))
    assert list(roster.signs) == [Holder("b", str(life)) for life in range(50 - LIVES, 50)]
