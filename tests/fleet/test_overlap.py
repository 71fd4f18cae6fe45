"""Draining, and ending in order, where the new one begins before the old one ends.

At a receiver that lets two in, at one that throws the old one out, and at one that refuses the new one.
"""

from __future__ import annotations

import signal
import time

import pytest

from camcast_rtmp.receiver import Receiver
from tests.fleet.receivers import Open, Throwing
from tests.fleet.site import LEASE, READY, Host, Plan, Site
from tests.servers.process import wait_for

RULES = {"rules": [{"cameras": "*", "overlap": True}]}


@pytest.fixture(scope="module", params=[Open, Throwing, Receiver], ids=["lets two in", "throws out", "refuses"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return Plan(members=2, receiver=request.param, rules=RULES, overlaps=True)


def test_a_member_is_drained(fleet: Site) -> None:
    host = fleet.hosts[0]
    moved, before = fleet.on(host), {name: len(fleet.air.publications(name)) for name in fleet.names}
    assert moved
    try:
        done = fleet.fleet("drain", host.name, "--wait", "60")
        assert (done.returncode, fleet.on(host)) == (0, []), done.stderr
        _has_moved(fleet, moved, before)
    finally:
        fleet.fleet("uncordon", host.name)


def _has_moved(fleet: Site, moved: list[str], before: dict[str, int]) -> None:
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    said, gaps = fleet.fleet("events").stdout, []
    for name in moved:
        (_, end), (begin, _) = fleet.air.publications(name)[-2:]
        gaps.append((begin - end) / 1e9)
    if fleet.plan.receiver is not Receiver:
        # Who is thrown out ends there and then; it may have come back once before it noticed.
        assert max(gaps) < (0 if fleet.plan.receiver is Open else LEASE), gaps
        ends = ", before it ends on m0 [on_air]" if fleet.plan.receiver is Open else ", "
        assert f"m1: camera {moved[0][3]}: on the air here{ends}" in said
        # One that is thrown out tells of it, as it cannot know that its heir stays.
        assert "[gap]" not in said or fleet.plan.receiver is Throwing
    else:
        # The second is refused while the first is there, and tried again at once when that has ended.
        assert 0 < max(gaps) < LEASE, gaps
        assert f"camera {moved[0][3]}: ends here, and m1 has not said that it is on the air there [gap]" in said
        assert "s after its last sign elsewhere [on_air]" in said
    _moved_once(fleet, moved, before)


def _moved_once(fleet: Site, moved: list[str], before: dict[str, int]) -> None:
    more = {name: len(fleet.air.publications(name)) - count for name, count in before.items()}
    assert {name for name, count in more.items() if count} == set(moved)
    if fleet.plan.receiver is not Throwing:
        assert set(more.values()) <= {0, 1}


def _shared_out(fleet: Site, host: Host) -> bool:
    """Whether a member has its half, and no camera is on its way."""
    records = [fleet.looking.claims.record(number) for number in range(fleet.plan.cameras)]
    moving = [one for one in records if one is None or one.giver is not None]
    return not moving and len(fleet.on(host)) == len(fleet.names) // 2


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
    gaps = []
    for name in moved:
        (_, end), (begin, _) = fleet.air.publications(name)[-2:]
        gaps.append((begin - end) / 1e9)
    if fleet.plan.receiver is Open:
        assert max(gaps) < 0, gaps
    else:
        assert 0 < max(gaps) < LEASE + READY, gaps
    _moved_once(fleet, moved, before)
