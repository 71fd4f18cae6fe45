"""`hold: forever`: an outage of the store stops nothing. And a receiver that refuses a name which is in use.

One nats-server and two members; the receiver counts a name as in use for a while after its connection was lost.
"""

from __future__ import annotations

import time

import pytest

from camcast_rtmp.receiver import Receiver
from tests.fleet.site import LEASE, READY, Plan, Site
from tests.servers.nats import NatsServer
from tests.servers.process import wait_for

STORE = 2
GHOST = 4.0
"""Seconds that the receiver holds a name after its connection was lost."""
RETRY = 10.0
"""Seconds between two tries of a busy name."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(members=2, options=("--hold", "forever"), receiver=Receiver)


def test_an_outage_of_the_store_stops_nothing(fleet: Site, store: NatsServer) -> None:
    before = {name: len(fleet.air.publications(name)) for name in fleet.names}
    store.kill()
    time.sleep(2 * LEASE)
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    store.start()
    fleet.until_whole()
    time.sleep(LEASE)
    assert {name: len(fleet.air.publications(name)) for name in fleet.names} == before


def test_a_receiver_that_still_holds_the_name_gets_the_newcomer_at_its_next_try(
    fleet: Site, request: pytest.FixtureRequest
) -> None:
    fleet.air.receiver.ghost_time = GHOST + LEASE
    request.addfinalizer(lambda: setattr(fleet.air.receiver, "ghost_time", 0.0))
    host = fleet.hosts[0]
    lost = fleet.on(host)
    refused = fleet.air.receiver.refused
    host.kill()
    began = time.monotonic_ns()
    fleet.air.until_begun(lost, began, GHOST + LEASE + RETRY + READY)
    took = [(fleet.air.publications(name)[-1][0] - began) / 1e9 for name in lost]
    assert fleet.air.receiver.refused >= refused + len(lost)
    assert min(took) > GHOST + LEASE
    assert max(took) < GHOST + LEASE + RETRY + 3.0


def test_who_was_cut_off_from_the_store_stops_once_it_hears_of_another(fleet: Site) -> None:
    """Until then the receiver refuses the newcomer, as it holds the name."""
    host = fleet.hosts[1]
    mine = fleet.on(host)
    fleet.net.cut(host.number, fleet.net.address(STORE))
    wait_for(lambda: not fleet.on(host), timeout=LEASE + READY, why="the other has taken the claims")
    fleet.air.until_lit(mine, time.monotonic_ns(), READY)
    fleet.net.heal()
    wait_for(lambda: "another member has this camera" in host.log.read_text(), timeout=READY, why="it hears of that")
    fleet.until_whole()
