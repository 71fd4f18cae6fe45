"""For each rule about sources that listen on UDP a source that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import asyncio
import socket
from typing import ClassVar

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken
from tests.core.testing.conformance.test_broken_sources import KIND, Quick
from tests.core.testing.conformance.test_broken_sources import bench as any_bench
from tests.servers.process import free_port

from camcast.contracts import MediaSink
from camcast.testing.conformance import DatagramSourceConformance, Rules, SourceConformance
from camcast.testing.conformance.running import SourceBench

pytestmark = pytest.mark.slow

MORE = {rule.name for rule in DatagramSourceConformance.rules} - {rule.name for rule in SourceConformance.rules}
RULES: Rules[SourceBench] = Rules(rule for rule in DatagramSourceConformance.rules if rule.name in MORE)


class Listens(Quick):
    """Brings its media as ever, and takes datagrams beside it, which it drops."""

    host: ClassVar[str] = "127.0.0.1"
    port: ClassVar[int] = 0

    async def run(self, sink: MediaSink) -> None:
        self.sink = sink
        with socket.socket(type=socket.SOCK_DGRAM) as self.socket:
            self.socket.setblocking(False)
            # One that stays is there when the next rule is looked at.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((self.host, self.port))
            listening = asyncio.create_task(self.listen())
            try:
                await super().run(sink)
            finally:
                listening.cancel()
                self.end()

    async def listen(self) -> None:
        while True:
            await asyncio.get_running_loop().sock_recv(self.socket, 2048)
            self.heard()

    def heard(self) -> None: ...

    def end(self) -> None: ...


class ForEverybody(Listens):
    host = "0.0.0.0"


class StaysThere(Listens):
    left: ClassVar[list[socket.socket]] = []

    def end(self) -> None:
        self.left.append(self.socket.dup())


class Startled(Listens):
    def heard(self) -> None:
        self.sink.discontinuity()


class Hoards(Listens):
    def heard(self) -> None:
        StaysThere.left.append(socket.socket())


BROKEN = {
    ForEverybody: {"listens_where_the_url_says"},
    StaysThere: {"listens_where_the_url_says"},
    Startled: {"strangers_cost_nothing"},
    Hoards: {"strangers_cost_nothing"},
}


def bench(build: type[Listens]) -> SourceBench:
    """With a port of its own, which the URL names."""
    build.port = free_port(kind=socket.SOCK_DGRAM)
    made = any_bench(attrs.evolve(KIND, build=build))
    made.url = f"flags://127.0.0.1:{build.port}"
    return made


def test_a_good_one_passes() -> None:
    assert rules_broken(RULES, bench(Listens)) == {}


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert set().union(*BROKEN.values()) == MORE


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_one_is_rejected_by_its_rules(broken: type[Listens]) -> None:
    try:
        assert {*rules_broken(RULES, bench(broken))} == BROKEN[broken]
    finally:
        for one in StaysThere.left:
            one.close()
        StaysThere.left.clear()
