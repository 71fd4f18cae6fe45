"""Random sequences of faults against real processes, held against a model of what must then be on the air.

A few short ones here; `make fleet-faults` runs many. The pure members are tested so, with thousands of sequences, in
`tests/core/fleet/test_member_stateful.py`; this is for what only real processes, servers and networks do.
"""

from __future__ import annotations

import os
import signal
import time

import attrs
import pytest
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st

from tests.fleet.site import LEASE, READY, Plan, Site
from tests.servers.nats import NatsCluster
from tests.servers.process import wait_for

SEQUENCES = int(os.environ.get("CAMCAST_FLEET_SEQUENCES", "2"))
STEPS = 6
PATIENCE = 2 * READY
"""Seconds for what the model says to be so: leaders may have to be elected first, more than once."""
FAULTS = ("kill", "freeze", "cut store", "cut receiver", "isolate", "end", "start", "heal", "server", "servers", "wipe")
FEWEST = 2
"""Servers of three that can still write."""


@attrs.define
class Machine:
    """One host, as it must be after what was done to it."""

    up: bool = True
    reaches_store: bool = True
    reaches_receiver: bool = True


@attrs.define
class Model:
    """What a fleet of `hold: lease` promises, whatever happened to it, once it has had its time."""

    machines: list[Machine] = attrs.field(factory=lambda: [Machine() for _ in range(3)])
    down: set[int] = attrs.field(factory=set)
    """Servers of the store that do not run, or that nobody else reaches."""

    @property
    def writes(self) -> bool:
        return len(self.down) <= 3 - FEWEST

    @property
    def able(self) -> set[str]:
        """Members that may run cameras."""
        return {f"m{at}" for at, one in enumerate(self.machines) if self.writes and one.up and one.reaches_store}

    @property
    def seen(self) -> set[str]:
        """Those of them whose cameras a viewer sees."""
        return {name for name in self.able if self.machines[int(name[1:])].reaches_receiver}


class Run:
    """One sequence. Each step is done to the processes and to the model."""

    def __init__(self, fleet: Site, cluster: NatsCluster) -> None:
        self.fleet, self.cluster, self.model = fleet, cluster, Model()

    def step(self, fault: str, number: int) -> None:
        fleet, model = self.fleet, self.model
        host, machine, net = fleet.hosts[number], model.machines[number], fleet.net
        match fault:
            case "kill":
                host.kill()
                machine.up = False
            case "freeze" if host.running:
                # Who runs nothing has no lease to lose, and is only frozen.
                host.signal(signal.SIGSTOP)
                machine.up = False
            case "end" if machine.up:
                host.signal(signal.SIGTERM)
                machine.up = False
            case "start":
                if not machine.up and host.running:
                    host.kill()
                if not host.running:
                    host.start()
                machine.up = True
            case "cut store":
                net.cut(number, *map(net.address, fleet.plan.stores))
                machine.reaches_store = False
            case "cut receiver":
                net.cut(number, net.here)
                machine.reaches_receiver = False
            case "isolate":
                # A member alone: with a server of its own it can do no more than that.
                net.cut(number, *(net.address(at) for at in range(fleet.plan.hosts) if at != number))
                machine.reaches_store = False
            case "heal":
                net.heal()
                for one in model.machines:
                    one.reaches_store = one.reaches_receiver = True
            case "server" if number not in model.down:
                self.cluster.servers[number].kill()
                model.down.add(number)
            case "servers":
                self._start_servers()
            case "wipe":
                self.cluster.kill()
                for server in self.cluster.servers:
                    server.wipe()
                model.down = {0, 1, 2}
                self._start_servers()
                # Whoever comes first gives the store back what is desired: somebody has to reach it, or it is empty.
                if not model.able:
                    net.heal()
                    for one in model.machines:
                        one.reaches_store = one.reaches_receiver = True
                    self.step("start", number)

    def _start_servers(self) -> None:
        self.cluster.start()
        self.model.down.clear()

    def is_as_it_must_be(self) -> bool:
        """Whether all that the model says is so now."""
        fleet, model = self.fleet, self.model
        recently = time.monotonic_ns() - 1_500_000_000
        if not model.able:
            return not fleet.air.lit(fleet.names, recently)
        cameras = fleet.status()["cameras"]
        if len(cameras) != len(fleet.names) or not {one["member"] for one in cameras} <= model.able:
            return False
        seen = {f"cam{one['camera_id']}_main" for one in cameras if one["member"] in model.seen}
        return set(fleet.air.lit(fleet.names, recently)) == seen

    def settle(self) -> None:
        wait_for(
            self.is_as_it_must_be, timeout=PATIENCE, why=f"{self.model}\n{self.fleet.status()}\n{self.fleet.logs()}"
        )


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(clustered=True, apart=True)


steps = st.tuples(st.sampled_from(FAULTS), st.integers(0, 2), st.sampled_from([0.0, 0.5, LEASE / 2, LEASE, None]))


@pytest.mark.timeout(0)
@settings(
    max_examples=SEQUENCES,
    phases=(Phase.generate,),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(sequence=st.lists(steps, min_size=STEPS // 2, max_size=STEPS))
def test_whatever_happens_no_name_is_published_by_two_and_all_come_back(
    running: Site, cluster: NatsCluster, sequence: list[tuple[str, int, float | None]]
) -> None:
    """Each fault is followed by a pause, None: until all is as the model says."""
    cluster.start()
    running.until_whole()
    running.judge_from_now()
    run = Run(running, cluster)
    try:
        for fault, number, pause in sequence:
            note(f"{fault} {number}, then {pause}")
            event(fault)
            run.step(fault, number)
            if pause is None:
                run.settle()
            else:
                time.sleep(pause)
            assert running.air.doubled(running.judged_since) == [], running.logs()
        run.settle()
        assert running.air.doubled(running.judged_since) == [], running.logs()
    finally:
        cluster.start()
    running.until_whole()
    assert running.air.doubled(running.judged_since) == [], running.logs()
