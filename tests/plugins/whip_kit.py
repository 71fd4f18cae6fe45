"""What tests of WHIP share: the kind, and a server that all tests of a file talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.servers.whip import WhipServer

from camcast.kinds import TransportKind
from camcast_whip import camcast_transports


@pytest.fixture
def kind() -> TransportKind:
    (found,) = [one for one in camcast_transports() if one.name == "whip"]
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WhipServer]:
    with WhipServer(tmp_path_factory.mktemp("whip")) as running:
        yield running


@pytest.fixture
def server(shared: WhipServer) -> WhipServer:
    shared.forget()
    return shared
