"""Where services that answer HTTP listen."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from camcast_kit_http.listening import listen


def test_a_link_local_address_keeps_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[Any] = []

    def create(address: Any, **settings: Any) -> socket.socket:
        bound.append(address)
        return socket.socket(socket.AF_INET6)

    monkeypatch.setattr(socket, "create_server", create)
    with listen("fe80::1%lo", 0):
        assert bound[0][3] == socket.if_nametoindex("lo")
