"""A fleet on hosts of its own, by what a file of tests says of it in a `plan` fixture. One for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.net import Net, net
from tests.fleet.site import Plan, Site, site
from tests.servers.nats import NatsCluster, NatsServer


@pytest.fixture(scope="module")
def hosts(plan: Plan) -> Iterator[Net]:
    with net(plan.hosts) as made:
        yield made


@pytest.fixture(scope="module")
def store(hosts: Net, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    folder, (at,) = Path(tmp_path_factory.mktemp("store")), plan.stores
    with NatsServer(folder, host=hosts.address(at), prefix=hosts.prefix(at)) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(hosts: Net, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    folder, numbers = Path(tmp_path_factory.mktemp("cluster")), plan.stores
    with NatsCluster(folder, [*map(hosts.address, numbers)], [*map(hosts.prefix, numbers)]) as made:
        yield made


@pytest.fixture(scope="module")
def running(
    hosts: Net, plan: Plan, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Site]:
    kept = request.getfixturevalue("cluster" if plan.clustered else "store")
    with site(Path(tmp_path_factory.mktemp("site")), hosts, kept.url, plan) as made:
        yield made


@pytest.fixture
def fleet(running: Site) -> Iterator[Site]:
    """Whole at the beginning; nothing was on the air twice meanwhile, unless the plan allows it."""
    running.until_whole()
    running.judge_from_now()
    yield running
    if not running.plan.overlaps:
        assert running.air.doubled(running.judged_since) == [], running.logs()
