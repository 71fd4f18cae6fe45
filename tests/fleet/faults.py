"""What has to be seen of a fault at receivers of several kinds: it depends on the kind and on `hold` only where
`docs/fleet.md` says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from camcast.coordinators import Hold
from camcast_rtmp.receiver import Receiver
from tests.fleet.receivers import Mixed
from tests.fleet.site import LEASE, READY, Host, Plan, Site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for

BACK = LEASE + 2.0
"""Seconds in which every camera is back where the receiver lets a newcomer in."""
BUSY = 4.0
"""Seconds more for what has no promise of its own, on a machine that does much else."""
RETRY = 10.0
"""Seconds between two tries of a busy name, at most."""
ELECTION = 30.0
"""Seconds for another leader of the store: each round of votes takes NATS 4 to 9 s, and may have to be repeated."""
FENCED = "another member has this camera"
GAP = re.compile(r"on the air here(?: again)?, ([0-9.]+) s after")


MEMBERS = 3


def one_of_each_kind(members: int) -> list[dict[str, Any]]:
    """Rules by which each member has a camera at each kind of receiver."""
    kinds = len(Mixed.KINDS)
    return [{"cameras": f"cam{one}", "near": {"host": f"m{one // kinds}"}} for one in range(kinds * members)]


def plan_for(hold: Hold) -> Plan:
    """Of a fleet that is called as its setting. One for each is on the same net, and has the same store."""
    index, home = [*Hold].index(hold), one_of_each_kind(MEMBERS)
    return Plan(
        members=MEMBERS,
        cameras=len(home),
        rules={"rules": home},
        together=True,
        receiver=Mixed,
        clustered=True,
        apart=True,
        options=("--hold", hold.value),
        fleet=hold.value,
        first=index * MEMBERS,
        beside=(len(Hold) - 1 - index) * MEMBERS,
    )


def bucket(fleet: Site) -> str:
    """Where the store has what is the fleet's."""
    return f"camcast_{fleet.plan.fleet}"


def each(fleets: Sequence[Site], scenario: Callable[[Site], object]) -> None:
    """Have it happen to all of them at a time: most of it is waiting."""
    with ThreadPoolExecutor(len(fleets)) as pool:
        done = {one.plan.fleet: pool.submit(scenario, one) for one in fleets}
    for name, one in done.items():
        if (error := one.exception()) is not None:
            error.add_note(f"of the fleet with --hold {name}")
            raise error


def mixed(fleet: Site) -> Mixed:
    assert isinstance(fleet.air.receiver, Mixed)
    return fleet.air.receiver


def held(fleet: Site, names: Sequence[str]) -> list[str]:
    """Those of them that the receiver refuses a newcomer."""
    return [one for one in names if mixed(fleet).holds(one)]


def shared(fleet: Site, names: Sequence[str]) -> list[str]:
    """The others: a newcomer is let in."""
    return [one for one in names if not mixed(fleet).holds(one)]


def host_of_each(fleet: Site, number: int) -> Host:
    """A member that has a camera at each kind of receiver: this one, unless it had to give some away for good."""
    for host in (*fleet.hosts[number:], *fleet.hosts[:number]):
        if {mixed(fleet).kind_of(name) for name in fleet.on(host)} == set(Mixed.KINDS):
            return host
    raise AssertionError(f"no member has a camera at each kind of receiver\n{fleet.told(0)}")


def holds_forever(fleet: Site) -> bool:
    return Hold.FOREVER.value in fleet.plan.options


def isolated(fleets: Sequence[Site], hosts: Sequence[Host], cluster: NatsCluster) -> None:
    """Cut `hosts` and one server, which does not lead, off from all others but the receiver.

    It is the first of those, which members try first: most have to find another.
    """
    net, plan = fleets[0].net, fleets[0].plan
    leaders = {cluster.leader(bucket(one)).name for one in fleets}
    server = next(at for at, one in zip(plan.stores, cluster.servers, strict=True) if one.name not in leaders)
    inside = [server, *(host.number for host in hosts)]
    others = [at for at in range(plan.hosts) if at not in inside]
    for at in inside:
        net.cut(at, *map(net.address, others))


def back(fleet: Site, names: Sequence[str], since: int) -> None:
    """All begin anew: within the lease and 2 s, or at the first try after the receiver let go of the name."""
    receiver, busy = mixed(fleet), held(fleet, names)
    took = fleet.air.until_begun(shared(fleet, names), since, BACK + BUSY)
    assert took <= BACK, f"{took:.2f} s\n{fleet.told(since)}"
    fleet.air.until_begun(busy, since, BACK + READY)
    for name in busy:
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


def doubled_at(fleet: Site, kind: type[Receiver], since: int) -> bool:
    return any(mixed(fleet).kind_of(name) is kind for name, _ in fleet.air.doubled(since))


def refused(fleet: Site, names: Sequence[str], since: int) -> None:
    """Others try these names in vain, and whoever has them goes on."""
    wait_for(
        lambda: {one.name for one in mixed(fleet).refusals if one.at > since} >= set(names),
        timeout=LEASE + READY,
        why="others try, and are refused",
    )
    fleet.air.until_lit(names, time.monotonic_ns(), READY)


def settled(fleet: Site) -> None:
    """Whoever was not heard of has heard that others have its cameras: each is on the air, by one."""
    fleet.until_whole()
    since = time.monotonic_ns()
    time.sleep(LEASE)
    assert fleet.air.doubled(since) == [], fleet.logs()
    fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    fleet.judge_from_now()


def counts(fleet: Site) -> dict[str, int]:
    """How many publications there were of each name."""
    return {name: len(fleet.air.publications(name)) for name in fleet.names}


def begun_since(fleet: Site, before: Mapping[str, int]) -> list[str]:
    """Names of which there are more by now."""
    return [name for name, count in counts(fleet).items() if count > before[name]]


def renewed(fleet: Site, now: int) -> bool:
    """Whether each member has renewed its lease in the last two seconds, as is told now."""
    signs = [fleet.looking.roster.last_sign(host.name) for host in fleet.hosts]
    return fleet.looking.synced.is_set() and all(sign is not None and sign > now / 1e9 - 2.0 for sign in signs)
