"""RTMP keeps the contract of a transport, with nginx as its peer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.nginx import Nginx

from camcast.testing.conformance import TransportConformance


class TestRtmp(TransportConformance):
    kind = "rtmp"

    @pytest.fixture
    def url(self, shared_nginx: Nginx) -> str:
        return shared_nginx.url("key-{n}-of-mine", "live")


class TestRtmpRefused(TestRtmp):
    """The same where a refusal is the server's own word."""

    @classmethod
    def applicable(cls) -> list[Any]:
        names = ("refusal_is_a_transport_error", "leaves_nothing", "hides_secrets")
        return [rule for rule in super().applicable() if rule.name in names]

    @pytest.fixture(autouse=True)
    def denied(self, shared_nginx: Nginx, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "refusing", shared_nginx.url("key-{n}-of-mine", "denied"))
