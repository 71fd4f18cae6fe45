"""Where the servers of a test are: on this machine, or 150 ms away behind a link of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path as File
from typing import Any

import pytest

from camcast_rtmp.receiver import Receiver
from tests.far.path import Path
from tests.far.receiver import FarReceiver
from tests.faults.proxy import FaultProxy
from tests.servers.nginx import Nginx

ROUND_TRIP = 0.15
"""Seconds; the link has room for everything."""


class Place:
    """Makes servers there; they are started and ended as ever."""

    host, other_host = "127.0.0.1", "127.0.0.2"

    def receiver(self, **settings: Any) -> Receiver:
        return Receiver(**settings)

    def proxy(self, backend: Receiver | Nginx, **settings: Any) -> FaultProxy:
        """It stands beside its backend."""
        return FaultProxy((backend.host, backend.port), **settings)

    def nginx(self, directory: File, **settings: Any) -> Nginx:
        return Nginx(directory, **settings)

    def there(self) -> AbstractContextManager[None]:
        """Sockets made in this block are the servers' host's."""
        return contextlib.nullcontext()


class FarPlace(Place):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.host, self.other_host = path.address, path.other_address

    def receiver(self, **settings: Any) -> Receiver:
        return FarReceiver(self.path, **settings)

    def proxy(self, backend: Receiver | Nginx, **settings: Any) -> FaultProxy:
        return super().proxy(backend, host=self.host, namespace=self.path.name, **settings)

    def nginx(self, directory: File, **settings: Any) -> Nginx:
        return super().nginx(directory, host=self.host, prefix=self.path.prefix, **settings)

    def there(self) -> AbstractContextManager[None]:
        return self.path.there()


@pytest.fixture(params=["here", "far"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each test that asks for it runs at both."""
    if request.param == "here":
        yield Place()
        return
    with Path(round_trip=ROUND_TRIP) as path:
        yield FarPlace(path)
