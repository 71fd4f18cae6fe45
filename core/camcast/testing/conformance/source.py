"""The kit for sources.

class TestSemaphore(SourceConformance):
    kind = "semaphore"
    address = "semaphore://hill"
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from camcast.kinds import SourceKind
from camcast.testing.conformance.base import Conformance
from camcast.testing.conformance.running import BAD_URL, Run, SourceBench
from camcast.testing.conformance.source_rules import RULES


class SourceConformance(Conformance[SourceKind]):
    """Subclass it, name the `kind`, and say where media is to be had: `address`, or a fixture `url`.

    `{tmp}` in the address is an empty directory. Sources that the embedding program feeds override `drive`.
    """

    rules = RULES
    address: ClassVar[str] = ""
    bad_url: ClassVar[str] = BAD_URL
    """One that cannot work, with a password in it."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return self.address.replace("{tmp}", str(tmp_path))

    async def drive(self, run: Run) -> None:
        """Runs beside the source, to feed it."""
        return

    @pytest.fixture
    def bench(self, url: str) -> SourceBench:
        host = self.host()
        kind = host.sources[self.kind]
        return SourceBench(
            host, kind, url, bad_url=self.bad_url, options=self.options, drive=self.drive, memo=self.memo
        )
