"""NATS passes the kit of coordinators: one server, and a cluster of three with three copies of each record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from camcast.testing.conformance import CoordinatorConformance
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
    options: ClassVar[Mapping[str, Any]] = {"replicas": 3}

    @pytest.fixture
    def store(self, cluster: NatsCluster) -> str:
        return cluster.url
