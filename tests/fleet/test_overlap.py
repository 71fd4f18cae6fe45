"""Draining where the new one begins before the old one ends, at a receiver that lets two in and at one that refuses."""

from __future__ import annotations

import time

import pytest

from camcast_rtmp.receiver import Receiver
from tests.fleet.site import LEASE, READY, Open, Plan, Site

RULES = {"rules": [{"cameras": "*", "overlap": True}]}


@pytest.fixture(scope="module", params=[Open, Receiver], ids=["lets two in", "refuses the second"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return Plan(members=2, receiver=request.param, rules=RULES, overlaps=True)


def test_a_member_is_drained(fleet: Site) -> None:
    host = fleet.hosts[0]
    moved, before = fleet.on(host), {name: len(fleet.air.publications(name)) for name in fleet.names}
    assert moved
    done = fleet.fleet("drain", host.name, "--wait", "60")
    assert (done.returncode, fleet.on(host)) == (0, []), done.stderr
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    said, gaps = fleet.fleet("events").stdout, []
    for name in moved:
        (_, end), (begin, _) = fleet.air.publications(name)[-2:]
        gaps.append((begin - end) / 1e9)
    if fleet.plan.receiver is Open:
        assert max(gaps) < 0, gaps
        assert f"m1: camera {moved[0][3]}: on the air here, before it ends on m0 [on_air]" in said
        assert "[gap]" not in said
    else:
        # The second is refused while the first is there, and tried again at once when that has ended.
        assert 0 < max(gaps) < LEASE, gaps
        assert f"camera {moved[0][3]}: ends here, and m1 has not said that it is on the air there [gap]" in said
        assert "s after its last sign elsewhere [on_air]" in said
    after = {name: len(fleet.air.publications(name)) for name in fleet.names}
    assert after == {name: count + (name in moved) for name, count in before.items()}
