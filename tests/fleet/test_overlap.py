"""Draining, and ending in order, where the new one begins before the old one ends.

At a receiver that lets two in, at one that throws the old one out, and at one that refuses the new one: each member
has a camera at each.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

import pytest

from camcast_rtmp.receiver import Receiver
from tests.fleet.faults import mixed, one_of_each_kind
from tests.fleet.receivers import Holding, Mixed, Open, Throwing
from tests.fleet.site import LEASE, READY, Host, Plan, Site
from tests.servers.process import wait_for

MEMBERS = 2


@pytest.fixture(scope="module")
def plan() -> Plan:
    home = one_of_each_kind(MEMBERS)
    rules = {"rules": [*home, {"cameras": "*", "overlap": True}]}
    return Plan(members=MEMBERS, cameras=len(home), receiver=Mixed, rules=rules, together=True, overlaps=True)


def at(fleet: Site, kind: type[Receiver], names: Sequence[str]) -> str:
    """The one of these that is at this kind of receiver."""
    (found,) = (name for name in names if mixed(fleet).kind_of(name) is kind)
    return found


def gap(fleet: Site, name: str) -> float:
    """Seconds that it was off the air when it moved last; below 0 where both had it."""
    (_, end), (begin, _) = fleet.air.publications(name)[-2:]
    return (begin - end) / 1e9


def test_a_member_is_drained(fleet: Site) -> None:
    host = fleet.hosts[0]
    moved, before = fleet.on(host), {name: len(fleet.air.publications(name)) for name in fleet.names}
    try:
        done = fleet.fleet("drain", host.name, "--wait", "60")
        assert (done.returncode, fleet.on(host)) == (0, []), done.stderr
        _has_moved(fleet, moved, before)
    finally:
        fleet.fleet("uncordon", host.name)


def _has_moved(fleet: Site, moved: list[str], before: dict[str, int]) -> None:
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    lines = fleet.fleet("events").stdout.splitlines()

    def said(name: str) -> str:
        return "\n".join(one for one in lines if f"camera {name[3]}: " in one)

    lets_in, throws, refuses = (at(fleet, kind, moved) for kind in (Open, Throwing, Holding))
    assert gap(fleet, lets_in) < 0
    assert f"m1: camera {lets_in[3]}: on the air here, before it ends on m0 [on_air]" in said(lets_in)
    assert "[gap]" not in said(lets_in)
    # Who is thrown out ends there and then; it may have come back once before it noticed. It tells of it, as it cannot
    # know that its heir stays.
    assert gap(fleet, throws) < LEASE
    assert f"m1: camera {throws[3]}: on the air here, " in said(throws)
    # The second is refused while the first is there, and tried again at once when that has ended.
    assert 0 < gap(fleet, refuses) < LEASE
    assert f"camera {refuses[3]}: ends here, and m1 has not said that it is on the air there [gap]" in said(refuses)
    assert "s after its last sign elsewhere [on_air]" in said(refuses)
    _moved_once(fleet, moved, before)


def _moved_once(fleet: Site, moved: list[str], before: dict[str, int]) -> None:
    more = {name: len(fleet.air.publications(name)) - count for name, count in before.items()}
    assert {name for name, count in more.items() if count} == set(moved)
    assert {more[name] for name in moved if mixed(fleet).kind_of(name) is not Throwing} == {1}


def _shared_out(fleet: Site, host: Host) -> bool:
    """Whether a member has its half, and no camera is on its way."""
    records = [fleet.looking.claims.record(number) for number in range(fleet.plan.cameras)]
    moving = [one for one in records if one is None or one.giver is not None]
    kinds = {mixed(fleet).kind_of(name) for name in fleet.on(host)}
    return not moving and len(fleet.on(host)) == len(fleet.names) // 2 and kinds == set(Mixed.KINDS)


def test_a_member_ends_in_order(fleet: Site) -> None:
    """It waits until its cameras are on the air elsewhere, where they may be: nobody who looks on sees a gap."""
    host = fleet.hosts[1]
    # Who was drained has its share again, and whoever gave it has ended it.
    wait_for(lambda: _shared_out(fleet, host), timeout=READY, why=fleet.told(0))
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    moved, before = fleet.on(host), {name: len(fleet.air.publications(name)) for name in fleet.names}
    host.signal(signal.SIGTERM)
    began = time.monotonic_ns()
    assert host.process is not None
    assert host.process.wait(READY) == 0
    fleet.air.until_begun(moved, began, READY)
    assert gap(fleet, at(fleet, Open, moved)) < 0
    for kind in (Throwing, Holding):
        assert 0 < gap(fleet, at(fleet, kind, moved)) < LEASE + READY
    _moved_once(fleet, moved, before)
