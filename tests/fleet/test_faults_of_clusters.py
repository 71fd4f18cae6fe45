"""Three nats-servers: their leader is killed, and the network is cut into two and one.

Each server is on a host with a member, as at three sites.
"""

from __future__ import annotations

import time

import pytest

from tests.fleet.site import LEASE, Plan, Site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for

BACK = LEASE + 2.0
BUSY = 4.0
"""Seconds more on a machine that does much else, with three servers beside."""


READY_AFTER_ELECTION = BACK + 25.0
"""Seconds, where the others may have to elect another leader first: each round of votes takes NATS 4 to 9 s, and one in
which votes are split is followed by another."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(clustered=True)


def test_the_leader_is_killed(fleet: Site, cluster: NatsCluster) -> None:
    leader = cluster.leader("camcast_site")
    leader.kill()
    try:
        # What had to stop until another was elected is back within a lease of that.
        other = wait_for(lambda: cluster.leader("camcast_site"), timeout=20)
        assert other is not leader
        elected = time.monotonic_ns()

        def all_renewed() -> bool:
            """By the new leader: nobody's lease is from before."""
            signs = [fleet.looking.roster.last_sign(host.name) for host in fleet.hosts]
            return all(sign is not None and sign > elected / 1e9 for sign in signs)

        wait_for(all_renewed, timeout=READY_AFTER_ELECTION, why="renewals by the new leader")
        fleet.air.until_lit(fleet.names, time.monotonic_ns(), BACK + BUSY)
        assert all(host.running for host in fleet.hosts)
    finally:
        leader.start()


def test_one_site_is_cut_off_from_the_two_others(fleet: Site, cluster: NatsCluster) -> None:
    """Its cameras end there before the others take them, though its own server still answers it."""
    lost = fleet.on(fleet.hosts[0])
    for other in (1, 2):
        fleet.net.cut(0, fleet.net.address(other))
        fleet.net.cut(other, fleet.net.address(0))
    began = time.monotonic_ns()
    # The judge looks at the store through whichever server it has; the receiver does not care.
    wait_for(
        lambda: all(fleet.air.publications(name)[-1][0] > began for name in lost),
        timeout=READY_AFTER_ELECTION,
        why="the half with two servers has taken over",
    )
    assert fleet.hosts[0].running
