"""The kit for services.

class TestBell(ServiceConformance):
    kind = "bell"
    plugin = camcast_bell
    options = {"file": "/tmp/bell.txt"}
"""

from __future__ import annotations

import pytest

from camcast.kinds import ServiceKind
from camcast.testing.conformance import service_rules
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.service_bench import ServiceBench


class ServiceConformance(Conformance[ServiceKind]):
    """Subclass it, name the `kind`, and give it `options` with which the service really runs."""

    rules = service_rules.RULES

    @pytest.fixture
    def bench(self) -> ServiceBench:
        host = self.host()
        return ServiceBench(host, host.service(self.kind), self.options)
