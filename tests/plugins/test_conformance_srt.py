"""SRT keeps the contract of a transport, with libsrt as its peer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from tests.servers.srt_callers import ManyCallers

from camcast.testing.conformance import Bounds, TransportConformance


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManyCallers]:
    with ManyCallers(tmp_path_factory.mktemp("srt")) as server:
        yield server


class TestSrt(TransportConformance):
    kind, wire = "srt", "udp"
    options: ClassVar = {"peeridletimeo": 500, "latency": 20}
    by_silence = True
    bounds = Bounds(connect=1.0)

    @pytest.fixture
    def url(self, server: ManyCallers) -> str:
        return server.url("streamid=key-{n}-of-mine")
