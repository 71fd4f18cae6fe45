"""For each rule about sources that listen a source that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken
from tests.core.testing.conformance.test_broken_sources import KIND, Quick, bench

from camcast.contracts import MediaSink
from camcast.testing.conformance import ListeningSourceConformance, Rules, SourceConformance, listening_rules
from camcast.testing.conformance.running import SourceBench

pytestmark = pytest.mark.slow

MORE = {rule.name for rule in ListeningSourceConformance.rules} - {rule.name for rule in SourceConformance.rules}
RULES: Rules[SourceBench] = Rules(rule for rule in ListeningSourceConformance.rules if rule.name in MORE)


class Listens(Quick):
    """Brings its media as ever, and takes calls beside it: few at a time, which must say "ok" first."""

    host: ClassVar[str] = "127.0.0.1"
    most: ClassVar[int] = 8
    strict: ClassVar[bool] = True

    async def run(self, sink: MediaSink) -> None:
        self.calls = 0
        server = await asyncio.start_server(self.call, self.host, 0)
        try:
            await super().run(sink)
        finally:
            self.end(server)

    def end(self, server: asyncio.Server) -> None:
        server.close()

    async def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        try:
            while self.calls <= self.most:
                said = await reader.read(65536)
                if not said or (self.strict and said != b"ok"):
                    return
        except ConnectionError:
            return
        finally:
            self.calls -= 1
            writer.transport.abort()


class ForEverybody(Listens):
    host = "0.0.0.0"


class Unbounded(Listens):
    most = 1000


class Patient(Listens):
    strict = False


class StaysThere(Listens):
    left: ClassVar[list[asyncio.Server]] = []

    def end(self, server: asyncio.Server) -> None:
        self.left.append(server)


BROKEN = {
    ForEverybody: {"listens_where_the_url_says", "strangers_hold_little", "garbage_ends_its_own_connection"},
    StaysThere: {"listens_where_the_url_says"},
    Unbounded: {"strangers_hold_little"},
    Patient: {"garbage_ends_its_own_connection"},
}
"""Which rules each breaks: where anybody can connect nothing further is looked at."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_rules, "_SECONDS", 1.0)


def test_a_good_one_passes() -> None:
    assert rules_broken(RULES, bench(attrs.evolve(KIND, build=Listens))) == {}


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert set().union(*BROKEN.values()) == MORE


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_one_is_rejected_by_its_rules(broken: type[Listens]) -> None:
    assert {*rules_broken(RULES, bench(attrs.evolve(KIND, build=broken)))} == BROKEN[broken]
