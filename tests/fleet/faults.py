"""Each fault that a fleet is to bear, whichever kind of receiver it publishes to, under each setting of `hold`.

Three members and three servers of the store, each on a host of its own. `test_faults_at_*.py` run all of it at one kind
of receiver each. What has to be seen of a fault depends on the two only where `docs/fleet.md` says so.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Sequence
from functools import partial

from camcast.coordinators import Hold
from camcast_rtmp.receiver import Receiver
from tests.fleet.receivers import Holding
from tests.fleet.site import LEASE, READY, Host, Plan, Site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for

BACK = LEASE + 2.0
"""Seconds in which every camera is back where the receiver lets a newcomer in."""
BUSY = 4.0
"""Seconds more for what has no promise of its own, on a machine that does much else."""
HEARS = 2.5
"""Seconds until a member hears the store again whose watch was at the server that has gone: from then on it counts the
leases of others anew, as what it has missed may be a renewal."""
RETRY = 10.0
"""Seconds between two tries of a busy name, at most."""
ELECTION = 30.0
"""Seconds for another leader of the store: each round of votes takes NATS 4 to 9 s, and may have to be repeated."""
FENCED = "another member has this camera"
GAP = re.compile(r"on the air here(?: again)?, ([0-9.]+) s after")


def plan_for(receiver: type[Receiver], hold: Hold) -> Plan:
    return Plan(receiver=receiver, clustered=True, apart=True, options=("--hold", hold.value))


def holds_forever(fleet: Site) -> bool:
    return Hold.FOREVER.value in fleet.plan.options


def isolated(fleet: Site, host: Host, cluster: NatsCluster) -> None:
    """Cut `host` and one server, which does not lead, off from all others but the receiver."""
    net, leader = fleet.net, cluster.leader("camcast_site")
    # The first is the one that members try first.
    server = next(at for at, one in zip(fleet.plan.stores[1:], cluster.servers[1:], strict=True) if one is not leader)
    others = [at for at in range(fleet.plan.hosts) if at not in (host.number, server)]
    for at in (host.number, server):
        net.cut(at, *map(net.address, others))


def back(fleet: Site, names: Sequence[str], since: int) -> None:
    """All begin anew: within the lease and 2 s, or at the first try after the receiver let go of the name."""
    receiver = fleet.air.receiver
    if not isinstance(receiver, Holding):
        took = fleet.air.until_begun(names, since, BACK + BUSY)
        assert took <= BACK, f"{took:.2f} s\n{fleet.told(since)}"
        return
    fleet.air.until_begun(names, since, BACK + READY)
    for name in names:
        begun = next(begin for begin, _ in fleet.air.publications(name) if begin > since)
        tries = [one.at for one in receiver.refusals if one.name == name and since < one.at < begun]
        freed = max(receiver.freed.get(name, 0), since)
        if tries:
            assert tries[-1] < freed < begun, f"{name} was free, and refused\n{fleet.told(since)}"
            assert begun - freed < (RETRY + BUSY) * 1e9, fleet.told(since)
        else:
            assert begun - max(freed, since) < BACK * 1e9, fleet.told(since)


def named(fleet: Site, names: Sequence[str], since: int) -> None:
    """The fleet's events tell of the gap of each, for as long as the receiver saw it at least."""
    began = time.time() - (time.monotonic_ns() - since) / 1e9

    def gap(name: str) -> float | None:
        lines = [one for one in fleet.looking.lines if f"cam{one.camera_id}_main" == name and one.at > began]
        found = [float(told[1]) for one in lines if one.code == "on_air" and (told := GAP.search(one.text))]
        return found[-1] if found else None

    for name in names:
        wait_for(partial(gap, name), timeout=READY, why=f"an event of {name}'s gap\n{fleet.told(since)}")
        times = fleet.air.publications(name)
        index = next(at for at, (begin, _) in enumerate(times) if begin > since)
        seen = (times[index][0] - times[index - 1][1]) / 1e9
        said = gap(name)
        assert said is not None
        assert seen - 0.5 <= said <= seen + BACK + BUSY, (
            f"{name}: {said} s told, {seen:.1f} s seen\n{fleet.told(since)}"
        )


def settled(fleet: Site) -> None:
    """Whoever was not heard of has heard that others have its cameras: each is on the air, by one."""
    fleet.until_whole()
    since = time.monotonic_ns()
    time.sleep(LEASE)
    assert fleet.air.doubled(since) == [], fleet.logs()
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    fleet.judge_from_now()


class Faults:
    """Collected by the files that import it, with a `plan` of theirs."""

    def test_a_member_is_killed(self, fleet: Site) -> None:
        host = fleet.hosts[0]
        lost = fleet.on(host)
        host.kill()
        began = time.monotonic_ns()
        back(fleet, lost, began)
        named(fleet, lost, began)

    def test_a_member_is_frozen(self, fleet: Site) -> None:
        """With `lease` the kernel ends it, which frees its names; with `forever` it goes on, and hears of others."""
        host = fleet.hosts[1]
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

    def test_a_member_is_cut_off_from_the_store(self, fleet: Site) -> None:
        host, receiver = fleet.hosts[2], fleet.air.receiver
        lost = fleet.on(host)
        fleet.net.cut(host.number, *map(fleet.net.address, fleet.plan.stores))
        began = time.monotonic_ns()
        if not holds_forever(fleet):
            # It ends them itself, in order: whichever receiver it is, nobody is refused.
            took = fleet.air.until_begun(lost, began, BACK + BUSY)
            assert took <= BACK, f"{took:.2f} s\n{fleet.told(began)}"
            assert not isinstance(receiver, Holding) or not [one for one in receiver.refusals if one.at > began]
            assert host.running
            named(fleet, lost, began)
            return
        if isinstance(receiver, Holding):
            wait_for(
                lambda: {one.name for one in receiver.refusals if one.at > began} >= set(lost),
                timeout=LEASE + READY,
                why="others try, and are refused",
            )
            fleet.air.until_lit(lost, time.monotonic_ns(), READY)
        else:
            back(fleet, lost, began)
            wait_for(lambda: fleet.air.doubled(began), timeout=READY, why="two publish, as nobody refuses either")
        settled(fleet)

    def test_a_member_is_cut_off_from_the_receiver(self, fleet: Site) -> None:
        """It keeps its lease and its cameras, and tells of the gap once it is over."""
        host = fleet.hosts[0]
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

    def test_all_members_are_killed_and_started(self, fleet: Site) -> None:
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

    def test_the_stores_leader_is_killed(self, fleet: Site, cluster: NatsCluster) -> None:
        before = {name: len(fleet.air.publications(name)) for name in fleet.names}
        leader = cluster.leader("camcast_site")
        leader.kill()
        began = time.monotonic_ns()
        try:
            other = wait_for(lambda: cluster.leader("camcast_site"), timeout=ELECTION)
            assert other is not leader
            wait_for(lambda: _renewed(fleet, time.monotonic_ns()), timeout=ELECTION, why="renewals by the new leader")
            elected = time.monotonic_ns()
            fleet.air.until_lit(fleet.names, elected, BACK + BUSY)
        finally:
            leader.start()
        gone = {name for name, count in before.items() if len(fleet.air.publications(name)) > count}
        if holds_forever(fleet):
            assert gone == set()
        named(fleet, sorted(gone), began)

    def test_the_stores_disks_are_wiped(self, fleet: Site, cluster: NatsCluster) -> None:
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

    def test_a_member_and_a_server_are_cut_off_from_all_others(self, fleet: Site, cluster: NatsCluster) -> None:
        """Two and one: what the larger half takes over has ended in the smaller, unless that holds it for ever."""
        host, receiver = fleet.hosts[2], fleet.air.receiver
        lost = fleet.on(host)
        isolated(fleet, host, cluster)
        began = time.monotonic_ns()
        if not holds_forever(fleet):
            took = fleet.air.until_begun(lost, began, BACK + HEARS + BUSY)
            assert took <= BACK + HEARS, f"{took:.2f} s\n{fleet.told(began)}"
            assert host.running
            named(fleet, lost, began)
        elif isinstance(receiver, Holding):
            wait_for(
                lambda: {one.name for one in receiver.refusals if one.at > began} >= set(lost),
                timeout=LEASE + READY,
                why="others try, and are refused",
            )
            fleet.air.until_lit(lost, time.monotonic_ns(), READY)
            settled(fleet)
        else:
            fleet.air.until_begun(lost, began, BACK + HEARS + BUSY)
            settled(fleet)


def _renewed(fleet: Site, now: int) -> bool:
    """Whether each member has renewed its lease in the last two seconds, as is told now."""
    signs = [fleet.looking.roster.last_sign(host.name) for host in fleet.hosts]
    return fleet.looking.synced.is_set() and all(sign is not None and sign > now / 1e9 - 2.0 for sign in signs)
