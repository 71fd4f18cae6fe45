"""WHEP keeps the contract of a transport: one that waits, so there is no peer whose stalls it could feel."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from tests.servers.process import free_port

from camcast.testing.conformance import TransportConformance

_TAKEN = free_port()


class TestWhep(TransportConformance):
    kind, wire = "whep", ""
    refusing = f"whep://127.0.0.1:{_TAKEN}/key-{{n}}-of-mine"

    @pytest.fixture(autouse=True)
    def taken(self) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", _TAKEN)):
            yield

    @pytest.fixture
    def url(self) -> str:
        return f"whep://127.0.0.1:{free_port()}/key-{{n}}-of-mine"
