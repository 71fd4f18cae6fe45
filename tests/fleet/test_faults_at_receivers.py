"""Each fault that a fleet is to bear, at three kinds of receiver and under both settings of `hold` at a time.

A fleet for each setting, of three members each, on one store of three servers; each member and each server is on a host
of its own. Each member has a camera at each kind of receiver. What happens to members happens in both fleets at a time,
what happens to the store is the same for both.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from camcast.coordinators import Hold
from tests.fleet.faults import (
    BACK,
    BUSY,
    ELECTION,
    FENCED,
    back,
    begun_since,
    bucket,
    counts,
    doubled_at,
    each,
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
from tests.fleet.net import Net
from tests.fleet.receivers import Open, Throwing
from tests.fleet.site import LEASE, READY, Plan, Site, site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for


@pytest.fixture(scope="module")
def plan() -> Plan:
    """One of them: where the store is, they all say."""
    return plan_for(Hold.LEASE)


@pytest.fixture(scope="module")
def both(hosts: Net, cluster: NatsCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Site]]:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:

        def begun(hold: Hold) -> Site:
            folder = Path(tmp_path_factory.mktemp(hold.value))
            return stack.enter_context(site(folder, hosts, cluster.url, plan_for(hold)))

        yield list(pool.map(begun, Hold))


@pytest.fixture
def fleets(both: Sequence[Site], hosts: Net) -> Iterator[Sequence[Site]]:
    """Whole at the beginning; nothing was on the air twice meanwhile, unless a test says that it may."""
    hosts.heal()
    each(both, Site.until_whole)
    for fleet in both:
        fleet.judge_from_now()
    yield both
    for fleet in both:
        assert fleet.air.doubled(fleet.judged_since) == [], fleet.logs()


def test_a_member_is_killed(fleets: Sequence[Site]) -> None:
    def happens(fleet: Site) -> None:
        host = host_of_each(fleet, 0)
        lost = fleet.on(host)
        host.kill()
        began = time.monotonic_ns()
        back(fleet, lost, began)
        named(fleet, lost, began)

    each(fleets, happens)


def test_a_member_is_frozen(fleets: Sequence[Site]) -> None:
    """With `lease` the kernel ends it, which frees its names; with `forever` it goes on, and hears of others."""

    def happens(fleet: Site) -> None:
        host = host_of_each(fleet, 1)
        lost, heard = fleet.on(host), host.log.read_text().count(FENCED)
        assert host.process is not None
        host.signal(signal.SIGSTOP)
        began = time.monotonic_ns()
        if not holds_forever(fleet):
            assert host.process.wait(LEASE + BUSY) == -signal.SIGKILL
            ended = time.monotonic_ns()
            assert ended - began < LEASE * 1e9
        back(fleet, lost, began)
        named(fleet, lost, began)
        if not holds_forever(fleet):
            # Whatever it had sent is before that, so nothing of it can come after a newcomer's.
            for name in lost:
                (_, end), (begin, _) = fleet.air.publications(name)[-2:]
                assert end < ended < begin
            return
        host.signal(signal.SIGCONT)
        wait_for(
            lambda: host.log.read_text().count(FENCED) >= heard + len(lost),
            timeout=READY,
            why=f"{host.name} hears of it\n{fleet.logs()}",
        )
        settled(fleet)

    each(fleets, happens)


def test_a_member_is_cut_off_from_the_store(fleets: Sequence[Site]) -> None:
    def happens(fleet: Site) -> None:
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
            assert "has not renewed its lease in time and ends all that it runs" in host.log.read_text()
            named(fleet, lost, began)
            return
        back(fleet, shared(fleet, lost), began)
        for kind in (Open, Throwing):
            wait_for(
                partial(doubled_at, fleet, kind, began), timeout=READY, why="two publish, as nobody refuses either"
            )
        refused(fleet, held(fleet, lost), began)
        settled(fleet)

    each(fleets, happens)


def test_a_member_is_cut_off_from_the_receiver(fleets: Sequence[Site]) -> None:
    """It keeps its lease and its cameras, and tells of the gap once it is over."""

    def happens(fleet: Site) -> None:
        host = host_of_each(fleet, 0)
        lost = fleet.on(host)
        fleet.net.cut(host.number, fleet.net.here)
        began = time.monotonic_ns()

        def known() -> bool:
            states = {f"cam{one['camera_id']}_main": one["state"] for one in fleet.status()["cameras"]}
            return all(states[name] == "not on air" for name in lost)

        wait_for(known, timeout=READY, why="its status tells that they are off the air")
        assert fleet.on(host) == lost
        fleet.net.heal(host.number)
        healed = time.monotonic_ns()
        fleet.air.until_lit(lost, healed, READY)
        fleet.until_whole()
        assert fleet.on(host) == lost
        times = [fleet.air.publications(name)[-1] for name in lost]
        named(fleet, [name for name, (begin, _) in zip(lost, times, strict=True) if begin > began], began)

    each(fleets, happens)


def test_all_members_are_killed_and_started(fleets: Sequence[Site]) -> None:
    """Their disks say that their last lives are over, so nobody waits for a lease, and nothing moves."""

    def happens(fleet: Site) -> None:
        places, lives = {host.name: fleet.on(host) for host in fleet.hosts}, set(fleet.lives().values())
        for host in fleet.hosts:
            host.kill()
        dead = time.monotonic_ns()
        for host in fleet.hosts:
            host.start()

        def all_live_again() -> bool:
            now = set(fleet.lives().values())
            return len(now) == len(fleet.hosts) and not now & lives

        # How long a process takes to begin is the machine's affair.
        wait_for(all_live_again, timeout=READY, why="every member is there again")
        now = set(fleet.lives().values())
        wait_for(
            lambda: {one.incarnation for one in fleet.holders() if one is not None} <= now,
            timeout=LEASE,
            why="claims of those that live, without waiting for a lease",
        )
        fleet.air.until_begun(fleet.names, dead, READY)
        assert {host.name: fleet.on(host) for host in fleet.hosts} == places, fleet.told(dead)
        named(fleet, fleet.names, dead)

    each(fleets, happens)


def test_the_stores_leader_is_killed(fleets: Sequence[Site], cluster: NatsCluster) -> None:
    """Where NATS takes longer to elect another than a lease lasts, all ends, and is back soon after."""
    leader, before = cluster.leader(bucket(fleets[0])), [counts(fleet) for fleet in fleets]
    for fleet in fleets:
        cluster.have_lead(bucket(fleet), leader)
    leader.kill()
    began = time.monotonic_ns()
    try:
        for fleet in fleets:
            assert wait_for(lambda: cluster.leader(bucket(fleet)), timeout=ELECTION) is not leader  # noqa: B023
        wait_for(cluster.has_leader, timeout=ELECTION, why="a leader for what is asked of no one bucket")
        elected = time.monotonic_ns()
        each(fleets, lambda fleet: fleet.air.until_lit(fleet.names, elected, BACK))
        for fleet in fleets:
            wait_for(lambda: renewed(fleet, time.monotonic_ns()), timeout=READY, why="renewals by it")  # noqa: B023
            assert all(host.running for host in fleet.hosts)
    finally:
        leader.start()
    for fleet, was in zip(fleets, before, strict=True):
        gone = begun_since(fleet, was)
        if holds_forever(fleet):
            assert gone == []
        named(fleet, gone, began)


def test_all_of_the_store_is_away_for_a_while(fleets: Sequence[Site], cluster: NatsCluster) -> None:
    """With `lease` everything ends, and is back soon after the store is; with `forever` nobody sees any of it."""
    before = [counts(fleet) for fleet in fleets]
    cluster.kill()
    killed = time.monotonic_ns()
    for fleet in fleets:
        if not holds_forever(fleet):
            fleet.air.until_dark(fleet.names, LEASE + 1 + BUSY)
    wait_for(lambda: time.monotonic_ns() > killed + LEASE * 1e9, timeout=2 * LEASE, why="no lease holds any more")
    cluster.start()
    for fleet in fleets:
        cluster.leader(bucket(fleet))
    ready = time.monotonic_ns()

    def is_over(fleet: Site) -> None:
        fleet.air.until_lit(fleet.names, ready, BACK)
        assert all(host.running for host in fleet.hosts)
        fleet.until_whole()

    each(fleets, is_over)
    for fleet, was in zip(fleets, before, strict=True):
        gone = begun_since(fleet, was)
        assert gone == ([] if holds_forever(fleet) else fleet.names)
        named(fleet, gone, killed)


def test_the_stores_disks_are_wiped(fleets: Sequence[Site], cluster: NatsCluster) -> None:
    """Members write down again what they know; with `forever` nobody sees any of it."""
    known = [(fleet.status()["version"], fleet.looking.epoch) for fleet in fleets]
    before = [counts(fleet) for fleet in fleets]
    cluster.kill()
    began = time.monotonic_ns()
    for one in cluster.servers:
        one.wipe()
    cluster.start()
    ready = time.monotonic_ns()

    def is_over(fleet: Site) -> None:
        version, epoch = known[fleets.index(fleet)]
        fleet.air.until_lit(fleet.names, ready, BACK)
        wait_for(lambda: fleet.looking.epoch not in (epoch, ""), timeout=READY, why="another life of the store")
        wait_for(lambda: fleet.status()["version"] == version, timeout=READY, why="the store knows what is desired")
        fleet.until_whole()

    each(fleets, is_over)
    for fleet, was in zip(fleets, before, strict=True):
        gone = begun_since(fleet, was)
        if holds_forever(fleet):
            assert gone == []
        named(fleet, gone, began)


def test_members_and_a_server_are_cut_off_from_all_others(fleets: Sequence[Site], cluster: NatsCluster) -> None:
    """Two and one: what the larger half takes over has ended in the smaller, unless that holds it for ever."""
    cut = [host_of_each(fleet, 2) for fleet in fleets]
    lost = {fleet.plan.fleet: fleet.on(host) for fleet, host in zip(fleets, cut, strict=True)}
    isolated(fleets, cut, cluster)
    began = time.monotonic_ns()

    def happens(fleet: Site) -> None:
        names, host = lost[fleet.plan.fleet], cut[fleets.index(fleet)]
        if not holds_forever(fleet):
            took = fleet.air.until_begun(names, began, BACK + BUSY)
            assert took <= BACK, f"{took:.2f} s\n{fleet.told(began)}"
            assert host.running
            named(fleet, names, began)
        else:
            back(fleet, shared(fleet, names), began)
            refused(fleet, held(fleet, names), began)
            settled(fleet)

    each(fleets, happens)


ALL, CLAIMS, MEMBERS, DESIRED = "", "r.claim.>", "r.member.>", "d.>"


@pytest.mark.parametrize("keys", [ALL, CLAIMS, MEMBERS, DESIRED], ids=["all", "claims", "members", "desired"])
def test_the_stores_stream_is_purged_by_hand(fleets: Sequence[Site], cluster: NatsCluster, keys: str) -> None:
    """All of it, or some records: the store begins another life, in which everybody says again what they know and run.

    Nothing ends, and nobody takes what somebody runs: what nobody does is taken a lease later.
    """

    def happens(fleet: Site) -> None:
        version, epoch, before = fleet.status()["version"], fleet.looking.epoch, counts(fleet)
        host = host_of_each(fleet, 1)
        lost = shared(fleet, fleet.on(host)) if keys == ALL else []
        if lost:
            host.kill()
        cluster.purge(bucket(fleet), keys)
        purged = time.monotonic_ns()
        wait_for(lambda: fleet.looking.epoch not in (epoch, ""), timeout=READY, why="another life of the store")
        wait_for(lambda: fleet.status()["version"] == version, timeout=READY, why="the store knows what is desired")
        if lost:
            took = fleet.air.until_begun(lost, purged, BACK + BUSY)
            assert took <= BACK + 1.0, f"{took:.2f} s\n{fleet.told(purged)}"
            return
        fleet.until_whole()
        assert begun_since(fleet, before) == [], fleet.told(purged)

    each(fleets, happens)
