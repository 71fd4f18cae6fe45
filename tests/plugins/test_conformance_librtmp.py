"""librtmp keeps the contract of a transport, with nginx as its peer."""

from __future__ import annotations

import pytest
from tests.servers.nginx import Nginx

from camcast.testing.conformance import TransportConformance


class TestLibrtmp(TransportConformance):
    kind = "librtmp"

    @pytest.fixture
    def url(self, shared_nginx: Nginx) -> str:
        return shared_nginx.url("key-{n}-of-mine", "live")
