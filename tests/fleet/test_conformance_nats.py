"""NATS passes the kit of coordinators: one server, and a cluster of three with three copies of each record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.cli.fleet_store import coordinator, looking
from camcast.coordinators import Desired
from camcast.errors import Conflict
from camcast.host import PluginHost
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


async def test_who_comes_too_late_leaves_nothing_in_the_store(server: NatsServer) -> None:
    ways = [coordinator(PluginHost(), server.url, "late", name, (), 5.0) for name in ("ada", "bob")]
    async with looking(ways[0]), looking(ways[1]):
        desired = Desired(version=1, mapping={"cameras": []})
        done = await asyncio.gather(*(way.put(desired) for way in ways), return_exceptions=True)
        assert [type(one) for one in done if one is not None] == [Conflict]
        async with link(server.url, "eve", "late", NatsOptions(), 5.0) as way:
            parts = [key for key in await way.bucket.keys() if key.startswith("d.")]
        assert len(parts) == 1


class TestNatsCluster(CoordinatorConformance):
    kind = "nats"

    @pytest.fixture
    def store(self, cluster: NatsCluster) -> str:
        return cluster.url

    def test_a_cluster_keeps_three_copies(self, cluster: NatsCluster) -> None:
        async def copies() -> int:
            async with link(cluster.servers[1].url, "ada", "copies", NatsOptions(), 5.0) as way:
                info = await way.js.stream_info("KV_camcast_copies")
                return info.config.num_replicas or 0

        assert asyncio.run(copies()) == 3
