"""Each fault that a fleet is to bear, at three kinds of receiver at a time, under each setting of `hold`.

Three members and three servers of the store, each on a host of its own. Each member has a camera at each kind of
receiver, so that one fault is seen at all three.
"""

from __future__ import annotations

import signal
import time
from functools import partial

import pytest

from camcast.coordinators import Hold
from tests.fleet.faults import (
    BACK,
    BUSY,
    ELECTION,
    FENCED,
    HEARS,
    back,
    doubled_at,
    held,
    holds_forever,
    host_of_each,
    isolated,
    mixed,
    named,
    plan_for,
    refused,
    renewed,
    settled,
    shared,
)
from tests.fleet.receivers import Open, Throwing
from tests.fleet.site import LEASE, READY, Plan, Site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for


@pytest.fixture(scope="module", params=list(Hold), ids=lambda hold: str(hold.value))
def plan(request: pytest.FixtureRequest) -> Plan:
    return plan_for(request.param)


def test_a_member_is_killed(fleet: Site) -> None:
    host = host_of_each(fleet, 0)
    lost = fleet.on(host)
    host.kill()
    began = time.monotonic_ns()
    back(fleet, lost, began)
    named(fleet, lost, began)


def test_a_member_is_frozen(fleet: Site) -> None:
    """With `lease` the kernel ends it, which frees its names; with `forever` it goes on, and hears of others."""
    host = host_of_each(fleet, 1)
    lost, heard = fleet.on(host), host.log.read_text().count(FENCED)
    assert host.process is not None
    host.signal(signal.SIGSTOP)
    began = time.monotonic_ns()
    if not holds_forever(fleet):
        assert host.process.wait(LEASE + BUSY) == -signal.SIGKILL
        assert time.monotonic_ns() - began < LEASE * 1e9
    back(fleet, lost, began)
    named(fleet, lost, began)
    if holds_forever(fleet):
        host.signal(signal.SIGCONT)
        wait_for(
            lambda: host.log.read_text().count(FENCED) >= heard + len(lost),
            timeout=READY,
            why=f"{host.name} hears of it\n{fleet.logs()}",
        )
        settled(fleet)


def test_a_member_is_cut_off_from_the_store(fleet: Site) -> None:
    host = host_of_each(fleet, 2)
    lost = fleet.on(host)
    fleet.net.cut(host.number, *map(fleet.net.address, fleet.plan.stores))
    began = time.monotonic_ns()
    if not holds_forever(fleet):
        # It ends them itself, in order: whichever receiver it is, nobody is refused.
        took = fleet.air.until_begun(lost, began, BACK + BUSY)
        assert took <= BACK, f"{took:.2f} s\n{fleet.told(began)}"
        assert not [one for one in mixed(fleet).refusals if one.at > began]
        assert host.running
        named(fleet, lost, began)
        return
    back(fleet, shared(fleet, lost), began)
    for kind in (Open, Throwing):
        wait_for(partial(doubled_at, fleet, kind, began), timeout=READY, why="two publish, as nobody refuses either")
    refused(fleet, held(fleet, lost), began)
    settled(fleet)


def test_a_member_is_cut_off_from_the_receiver(fleet: Site) -> None:
    """It keeps its lease and its cameras, and tells of the gap once it is over."""
    host = host_of_each(fleet, 0)
    lost = fleet.on(host)
    fleet.net.cut(host.number, fleet.net.here)
    began = time.monotonic_ns()

    def known() -> bool:
        states = {f"cam{one['camera_id']}_main": one["state"] for one in fleet.status()["cameras"]}
        return all(states[name] == "not on air" for name in lost)

    wait_for(known, timeout=READY, why="its status tells that they are off the air")
    assert fleet.on(host) == lost
    fleet.net.heal()
    healed = time.monotonic_ns()
    fleet.air.until_lit(lost, healed, READY)
    fleet.until_whole()
    assert fleet.on(host) == lost
    times = [fleet.air.publications(name)[-1] for name in lost]
    named(fleet, [name for name, (begin, _) in zip(lost, times, strict=True) if begin > began], began)


def test_all_members_are_killed_and_started(fleet: Site) -> None:
    """Their disks say that their last lives are over, so nobody waits for a lease, and nothing moves."""
    places = {host.name: fleet.on(host) for host in fleet.hosts}
    for host in fleet.hosts:
        host.kill()
    dead = time.monotonic_ns()
    for host in fleet.hosts:
        host.start()
    fleet.air.until_begun(fleet.names, dead, READY)
    assert {host.name: fleet.on(host) for host in fleet.hosts} == places, fleet.told(dead)
    named(fleet, fleet.names, dead)


def test_the_stores_leader_is_killed(fleet: Site, cluster: NatsCluster) -> None:
    before = {name: len(fleet.air.publications(name)) for name in fleet.names}
    leader = cluster.leader("camcast_site")
    leader.kill()
    began = time.monotonic_ns()
    try:
        other = wait_for(lambda: cluster.leader("camcast_site"), timeout=ELECTION)
        assert other is not leader
        wait_for(lambda: renewed(fleet, time.monotonic_ns()), timeout=ELECTION, why="renewals by the new leader")
        elected = time.monotonic_ns()
        fleet.air.until_lit(fleet.names, elected, BACK + BUSY)
    finally:
        leader.start()
    gone = {name for name, count in before.items() if len(fleet.air.publications(name)) > count}
    if holds_forever(fleet):
        assert gone == set()
    named(fleet, sorted(gone), began)


def test_the_stores_disks_are_wiped(fleet: Site, cluster: NatsCluster) -> None:
    """Members write down again what they know; with `forever` nobody sees any of it."""
    version, epoch = fleet.status()["version"], fleet.looking.epoch
    before = {name: len(fleet.air.publications(name)) for name in fleet.names}
    cluster.kill()
    began = time.monotonic_ns()
    for one in cluster.servers:
        one.wipe()
    cluster.start()
    wait_for(lambda: fleet.looking.epoch not in (epoch, ""), timeout=READY, why="another life of the store")
    wait_for(lambda: fleet.status()["version"] == version, timeout=READY, why="the store knows what is desired")
    fleet.until_whole()
    gone = {name for name, count in before.items() if len(fleet.air.publications(name)) > count}
    if holds_forever(fleet):
        assert gone == set()
    named(fleet, sorted(gone), began)


def test_a_member_and_a_server_are_cut_off_from_all_others(fleet: Site, cluster: NatsCluster) -> None:
    """Two and one: what the larger half takes over has ended in the smaller, unless that holds it for ever."""
    host = host_of_each(fleet, 2)
    lost = fleet.on(host)
    isolated(fleet, host, cluster)
    began = time.monotonic_ns()
    if not holds_forever(fleet):
        took = fleet.air.until_begun(lost, began, BACK + HEARS + BUSY)
        assert took <= BACK + HEARS, f"{took:.2f} s\n{fleet.told(began)}"
        assert host.running
        named(fleet, lost, began)
    else:
        fleet.air.until_begun(shared(fleet, lost), began, BACK + HEARS + BUSY)
        refused(fleet, held(fleet, lost), began)
        settled(fleet)
