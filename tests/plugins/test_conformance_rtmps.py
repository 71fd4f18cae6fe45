"""RTMPS keeps the contract of a transport, with nginx's TLS as its peer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.certificates import Authority
from tests.servers.nginx import Nginx

from camcast.testing.conformance import TransportConformance


class TestRtmps(TransportConformance):
    kind = "rtmps"

    @pytest.fixture
    def url(self, shared_tls: tuple[Nginx, Authority], monkeypatch: pytest.MonkeyPatch) -> str:
        nginx, authority = shared_tls
        target: dict[str, Any] = {"ca_file": str(authority.ca_file)}
        monkeypatch.setattr(type(self), "target", target)
        return nginx.tls_url("key-{n}-of-mine", "live")
