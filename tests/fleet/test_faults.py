"""A fleet on one nats-server, which is killed and wiped, and its members, which die, end and are drained.

Three members as processes in network namespaces of their own, seen from the receiver: no name is ever published by two.
The other faults, with three servers and at other kinds of receiver, are in `test_faults_at_receivers.py`.
"""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from functools import partial

import pytest

from tests.fleet.site import LEASE, READY, Host, Plan, Site
from tests.servers.nats import NatsServer
from tests.servers.process import wait_for

BACK = LEASE + 2.0
"""Seconds in which every camera is back where the receiver lets a newcomer in."""
BUSY = 3.0
"""Seconds more for what has no promise of its own, on a machine that does much else."""
READ = "may-read-the-fleet"


@pytest.fixture(scope="module")
def plan() -> Plan:
    http = {"host": "0.0.0.0", "port": 8080, "token": READ}
    return Plan(own={"services": {"http": http, "prometheus": {"listen": "0.0.0.0:9464", "token": READ}}})


def back(fleet: Site, names: list[str], since: int) -> None:
    """All begin anew on others within the lease and 2 s after `since`, as the receiver sees it."""
    took = fleet.air.until_begun(names, since, BACK + BUSY)
    assert took <= BACK, f"{took:.2f} s\n{fleet.told(since)}"


def asked(fleet: Site, host: Host, path: str, token: str = READ) -> tuple[int, str]:
    """Status and body of what a member serves."""
    request = urllib.request.Request(f"http://{fleet.net.address(host.number)}:{path}")
    request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def shows_all(fleet: Site, host: Host) -> bool:
    """Whether a member shows each camera, on the air, where the store says that it is."""
    cameras = fleet.status()["cameras"]
    found = json.loads(asked(fleet, host, "8080/api/v1/fleet")[1])["cameras"]
    metrics = asked(fleet, host, "9464/metrics")[1].splitlines()
    line = 'camcast_fleet_camera_on_air{{camera="{camera_id}",fleet="site",member="{member}"}} 1.0'
    return bool(found == cameras and all(line.format_map(one) in metrics for one in cameras))


def test_each_member_shows_the_whole_fleet(fleet: Site) -> None:
    for host in fleet.hosts:
        # On a busy machine a camera may be late for a moment, and what is shown is up to 2 s old.
        wait_for(partial(shows_all, fleet, host), timeout=READY, why=f"{host.name} shows what there is")
        status, body = asked(fleet, host, "8080/api/v1/fleet")
        found = json.loads(body)
        assert (status, found["fleet"], found["member"], found["heard"]) == (200, "site", host.name, True)
        assert [(one["name"], one["order"], one["lease"]) for one in found["members"]] == [
            (one.name, "none", LEASE) for one in fleet.hosts
        ]
        assert all(one["renewed_ago"] < LEASE for one in found["members"])
        for path in ("8080/api/v1/fleet", "9464/metrics"):
            assert asked(fleet, host, path, "guessed")[0] == 401


def test_a_member_is_killed(fleet: Site) -> None:
    lost = fleet.on(fleet.hosts[0])
    fleet.hosts[0].kill()
    began = time.monotonic_ns()
    back(fleet, lost, began)
    told = fleet.fleet("events").stdout
    assert "m0 has not been heard of" in told
    assert f"camera {lost[0][3]}: on the air here, " in told


def test_a_member_that_is_frozen_for_a_moment_goes_on(fleet: Site) -> None:
    host = fleet.hosts[1]
    lost = fleet.on(host)
    before = [len(fleet.air.publications(name)) for name in lost]
    host.signal(signal.SIGSTOP)
    time.sleep(LEASE / 4)
    host.signal(signal.SIGCONT)
    fleet.air.until_lit(lost, time.monotonic_ns(), BUSY)
    assert [len(fleet.air.publications(name)) for name in lost] == before
    assert host.running


def test_the_stores_disk_is_wiped(fleet: Site, store: NatsServer) -> None:
    """Members write down again what they know; nothing is taken that somebody may be running."""
    version, epoch = fleet.status()["version"], fleet.looking.epoch
    before = {name: len(fleet.air.publications(name)) for name in fleet.names}
    store.kill()
    store.wipe()
    store.start()
    wait_for(lambda: fleet.looking.epoch != epoch, timeout=READY, why="another life of the store")
    wait_for(lambda: fleet.status()["version"] == version, timeout=READY, why="the store knows what is desired")
    fleet.until_whole()
    told = fleet.fleet("events").stdout
    assert f"it gets {version} [restored]" in told
    if "ends all that it runs" not in told:  # a store that is long in coming costs the lease
        assert {name: len(fleet.air.publications(name)) for name in fleet.names} == before, told


def test_the_store_is_away_for_a_while(fleet: Site, store: NatsServer) -> None:
    """With `hold: lease` everything ends, and is back soon after the store is."""
    store.kill()
    fleet.air.until_dark(fleet.names, LEASE + 1 + BUSY)
    assert all(host.running for host in fleet.hosts)
    began = time.monotonic_ns()
    store.start()
    fleet.air.until_begun(fleet.names, began, BACK + BUSY)


def test_a_member_leaves_in_order(fleet: Site) -> None:
    """Its cameras do not wait for its lease."""
    host = fleet.hosts[1]
    lost = fleet.on(host)
    host.signal(signal.SIGTERM)
    began = time.monotonic_ns()
    assert host.process is not None
    assert host.process.wait(READY) == 0
    wait_for(lambda: not fleet.on(host), timeout=LEASE, why="claims of others, without waiting for its lease")
    # What it still sent before it ended says nothing.
    fleet.air.until_begun(lost, began, READY)


def test_a_member_is_drained(fleet: Site) -> None:
    host = fleet.hosts[2]
    try:
        done = fleet.fleet("drain", host.name, "--wait", "30")
        assert (done.returncode, fleet.on(host)) == (0, []), done.stderr
        fleet.air.until_lit(fleet.names, time.monotonic_ns(), READY)
    finally:
        fleet.fleet("uncordon", host.name)
