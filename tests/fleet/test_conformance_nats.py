"""NATS passes the kit of coordinators: one server, and a cluster of three with three copies of each record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.testing.conformance import CoordinatorConformance
from camcast_nats.link import link
from camcast_nats.options import NatsOptions
from tests.servers.nats import NatsCluster, NatsServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats"))) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    with NatsCluster(Path(tmp_path_factory.mktemp("nats-cluster"))) as running:
        yield running


class TestNats(CoordinatorConformance):
    kind = "nats"

    @pytest.fixture
    def store(self, server: NatsServer) -> str:
        return server.url


class TestNatsCluster(CoordinatorConformance):
    kind = "nats"

    @pytest.fixture
    def store(self, cluster: NatsCluster) -> str:
        return cluster.url

    def test_a_cluster_keeps_three_copies(self, cluster: NatsCluster) -> None:
        async def copies() -> int:
            async with link(cluster.servers[1].url, "ada", "camcast_copies", NatsOptions(), 5.0) as way:
                info = await way.js.stream_info("KV_camcast_copies")
                return info.config.num_replicas or 0

        assert asyncio.run(copies()) == 3
