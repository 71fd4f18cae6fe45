"""What every test may use: real servers, each in a directory of its own, ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers.nginx import Nginx

settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("fuzz", max_examples=20_000, deadline=None)
settings.load_profile("default")


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """One running nginx with the RTMP module."""
    with Nginx(tmp_path / "nginx") as server:
        yield server


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Makes and starts as many as asked for: `start_nginx(port=..., max_message="1M", ...)`."""
    with ExitStack() as stack:
        count = 0

        def start(**settings: object) -> Nginx:
            nonlocal count
            count += 1
            return stack.enter_context(Nginx(tmp_path / f"nginx{count}", **settings))  # type: ignore[arg-type]

        yield start
