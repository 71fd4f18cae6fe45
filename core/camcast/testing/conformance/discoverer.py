"""The kit for discoverers.

class TestShelf(DiscovererConformance):
    kind = "shelf"
    plugin = camcast_shelf
    address = "192.0.2.7"

Where a camera's address is only known when the test runs, override the fixture `camera`, which gives it.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from camcast.discovery import DiscovererKind
from camcast.testing.conformance import discoverer_rules
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.discoverer_rules import DiscovererBench


class DiscovererConformance(Conformance[DiscovererKind]):
    """Subclass it, name the `kind`, and the `address` of a camera that answers it, if one can be at hand."""

    rules = discoverer_rules.RULES
    address: ClassVar[str] = ""

    @pytest.fixture
    def camera(self) -> str:
        """The camera's address."""
        return self.address

    @pytest.fixture
    def bench(self, camera: str) -> DiscovererBench:
        host = self.host()
        return DiscovererBench(host, host.discoverers[self.kind], camera)
