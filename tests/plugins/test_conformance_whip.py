"""WHIP keeps the contract of a transport, with aiortc as its peer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.servers.whip import WhipServer

from camcast.testing.conformance import Bounds, TransportConformance
from camcast.testing.conformance.peers import Between


class OwnServer(WhipServer):
    """Media takes other ways than the request, so what stalls and breaks is the server itself."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.stall, self.resume, self.drop = self.freeze, self.thaw, self.kill


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WhipServer]:
    with WhipServer(tmp_path_factory.mktemp("whip")) as server:
        yield server


class TestWhip(TransportConformance):
    kind = "whip"
    by_silence = True
    bounds = Bounds(loss=10.0)

    @contextmanager
    def relay(self, url: str) -> Iterator[Between]:
        with TemporaryDirectory() as directory, OwnServer(Path(directory)) as server:
            key = url.rpartition("/")[2]
            server.url = server.url(f"whip/{key}")  # type: ignore
            yield server  # type: ignore

    @pytest.fixture
    def url(self, server: WhipServer) -> str:
        return server.url("whip/key-{n}-of-mine")
