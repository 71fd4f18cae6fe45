"""The kit for coordinators.

class TestShelf(CoordinatorConformance):
    kind = "shelf"
    plugin = camcast_shelf
    url = "shelf://127.0.0.1:9000"

Where the store's address is only known when the test runs, override the fixture `store`, which gives it.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from camcast.kinds import CoordinatorKind
from camcast.testing.conformance import coordinator_rules
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.coordinator_bench import CoordinatorBench


class CoordinatorConformance(Conformance[CoordinatorKind]):
    """Subclass it, name the `kind` and the `url` of a store that runs, with `options` if it needs any."""

    rules = coordinator_rules.RULES
    url: ClassVar[str] = ""

    @pytest.fixture
    def store(self) -> str:
        """The store's URL."""
        return self.url

    @pytest.fixture
    def bench(self, store: str) -> CoordinatorBench:
        host = self.host()
        return CoordinatorBench(host, host.coordinators[self.kind], store, self.options)
