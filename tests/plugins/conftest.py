"""Servers that the tests of a whole class share: nothing of one test is left for the next but their log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx


@pytest.fixture(scope="module")
def shared_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with Nginx(tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def shared_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nginx, Authority]]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with Nginx(tmp_path_factory.mktemp("tls"), certificate=authority.issue()) as server:
        yield server, authority
