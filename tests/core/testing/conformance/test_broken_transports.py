"""For each rule of the transport kit a transport that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import os
import socket
import sys
import threading
import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken
from tests.core.testing.conformance.queued_heliograph import Asking, Trusting
from tests.outside.heliograph_server import HeliographServer

from camcast.errors import ConfigError, Issue, RefusedError, TransportError
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import Acceptance, TransportKind
from camcast.media import Track, Unit
from camcast.target import Target
from camcast.testing.conformance import Bounds, TransportConformance
from camcast.testing.conformance.attempt import TransportBench

pytestmark = pytest.mark.slow

sys.path.append(str(Path(__file__).parents[3] / "outside" / "heliograph"))
heliograph: Any = importlib.import_module("camcast_heliograph")
Heliograph: Any = heliograph.Heliograph
KIND: TransportKind = heliograph.camcast_transports()[0]
RULES = TransportConformance.rules
BOUNDS = Bounds(connect=0.3, close=0.4, slack=0.2, blocked=0.5, drain=0.8, loss=1.0)


class DropsNothingToZero(Heliograph):
    """Counts a byte that nobody will acknowledge."""

    @property
    def pending(self) -> int:
        return max(1, int(super().pending))


class Wavers(Heliograph):
    """Its `acked` is an estimate, so it goes up and down."""

    asked: ClassVar[Iterator[int]] = itertools.count()

    @property
    def acked(self) -> int:
        return max(0, int(super().acked) - 10 * (next(self.asked) % 2))


class Boasts(Heliograph):
    def stats(self) -> Mapping[str, Any]:
        return {"mirror": "brass"}


class CountsMedia(Heliograph):
    """Its positions are of payloads, and it promises more than it will ever send."""

    def send(self, unit: Unit, time: int) -> int:
        super().send(unit, time)
        return int(self.handed) + 1000


class ForgetsTheLibrary(Heliograph):
    """What asyncio holds has not left this machine either."""

    @property
    def unsent(self) -> int:
        return 0


class Asserts(Heliograph):
    def send(self, unit: Unit, time: int) -> None:
        assert self.live, "publish first"
        super().send(unit, time)


class ClosesOnce(Heliograph):
    closing = False

    async def close(self) -> None:
        if self.closing:
            raise RuntimeError("closing already")
        self.closing = True
        try:
            await super().close()
        finally:
            self.closing = False


class ClosesSlowly(Heliograph):
    """When it was never used."""

    async def close(self) -> None:
        if self.wire is None and not self.closed:  # type: ignore[has-type]
            self.closed = True
            await asyncio.sleep(0.8)
        await super().close()


class ClosesWhenDrained(Heliograph):
    async def close(self) -> None:
        for _ in range(80):
            if self.pending and not self.gone:
                await asyncio.sleep(0.01)
        await super().close()


class ComesBack(Heliograph):
    async def connect(self) -> Acceptance | None:
        if self.closed and self.wire is None:  # type: ignore[has-type]
            self.closed = False
        result: Acceptance | None = await super().connect()
        return result


class Leaks(Heliograph):
    """A descriptor, when it was refused."""

    async def ask(self, line: bytes) -> None:
        try:
            await super().ask(line)
        except RefusedError:
            os.open(os.devnull, os.O_RDONLY)
            raise


class HoldsTheLoop(Heliograph):
    """When its figures are asked for first."""

    asked = False

    def stats(self) -> Mapping[str, float]:
        if not self.asked:
            self.asked = True
            clock.sleep(0.6)
        found: Mapping[str, float] = super().stats()
        return found


class HearsNothing(Heliograph):
    async def publish(self, tracks: Sequence[Track]) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await super().publish(tracks)


class LeaksWhenCancelled(Heliograph):
    kept: ClassVar[list[socket.socket]] = []

    async def connect(self) -> Acceptance | None:
        extra = socket.socket()
        self.kept.append(extra)
        try:
            await super().connect()
        except TransportError:
            extra.close()
            raise
        extra.close()
        return None


class RefusesInItsOwnWords(Heliograph):
    async def connect(self) -> Acceptance | None:
        try:
            await super().connect()
        except RefusedError as error:
            raise PermissionError(str(error)) from None
        return None


class WaitsForEver(Heliograph):
    async def publish(self, tracks: Sequence[Track]) -> None:
        self.target = attrs.evolve(self.target, connect_timeout=1000.0)  # type: ignore[has-type]
        await super().publish(tracks)


class Blocks(Heliograph):
    """Waits for room, once."""

    waited = False

    def send(self, unit: Unit, time: int) -> None:
        if self.wire is not None and self.wire.get_write_buffer_size() > 200_000 and not self.waited:
            self.waited = True
            clock.sleep(0.6)
        super().send(unit, time)


class ForgetsTheKernel(Heliograph):
    limit = 1 << 20

    @property
    def pending(self) -> int:
        return 0 if self.wire is None or self.closed else self.wire.get_write_buffer_size()


class SaysNothing(Heliograph):
    def lose(self, error: TransportError) -> None:
        self.gone = True


class TellsFromAThread(Heliograph):
    def lose(self, error: TransportError) -> None:
        if self.live and not self.closed and not self.gone:  # type: ignore[has-type]
            self.gone = True
            thread = threading.Thread(target=self.context.events.lost, args=(error,))
            thread.start()
            thread.join()


class Stumbles(Heliograph):
    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        if self.closed:
            raise KeyError("nobody is left")


class Gossips(Heliograph):
    async def ask(self, line: bytes) -> None:
        try:
            await super().ask(line)
        except RefusedError:
            raise RefusedError(f"the server did not like {line.decode()}") from None


def _impure() -> Callable[[Target], Acceptance]:
    numbers = itertools.count()
    return lambda target: attrs.evolve(heliograph.ACCEPTS, choices=(str(next(numbers)),))


def _check(target: Target) -> None:
    assert target.url.split("/")[3]


BROKEN: dict[str, TransportKind] = {
    "describes_itself": attrs.evolve(KIND, accepts=_impure()),
    "checks_with_value_errors": attrs.evolve(KIND, check=_check),
    "delivers": attrs.evolve(KIND, build=DropsNothingToZero),
    "acked_never_falls": attrs.evolve(KIND, build=Wavers),
    "figures_are_numbers": attrs.evolve(KIND, build=Boasts),
    "send_never_raises": attrs.evolve(KIND, build=Asserts),
    "closes_twice": attrs.evolve(KIND, build=ClosesOnce),
    "closes_in_time": attrs.evolve(KIND, build=ClosesSlowly),
    "closed_stays_closed": attrs.evolve(KIND, build=ComesBack),
    "leaves_nothing": attrs.evolve(KIND, build=Leaks),
    "keeps_the_loop_free": attrs.evolve(KIND, build=HoldsTheLoop),
    "hears_cancellation": attrs.evolve(KIND, build=HearsNothing),
    "cancelled_leaves_nothing": attrs.evolve(KIND, build=LeaksWhenCancelled),
    "refusal_is_a_transport_error": attrs.evolve(KIND, build=RefusesInItsOwnWords),
    "deadlines_hold": attrs.evolve(KIND, build=WaitsForEver),
    "send_never_blocks": attrs.evolve(KIND, build=Blocks),
    "pending_is_truthful": attrs.evolve(KIND, build=ForgetsTheKernel),
    "positions_are_reached": attrs.evolve(KIND, build=CountsMedia),
    "unsent_is_truthful": attrs.evolve(KIND, build=ForgetsTheLibrary),
    "closes_in_time_when_stalled": attrs.evolve(KIND, build=ClosesWhenDrained),
    "loss_is_told": attrs.evolve(KIND, build=SaysNothing),
    "tells_on_the_loop": attrs.evolve(KIND, build=TellsFromAThread),
    "stays_quiet_after_close": attrs.evolve(KIND, build=Stumbles),
    "hides_secrets": attrs.evolve(KIND, build=Gossips),
}


@pytest.fixture(scope="module")
def server() -> Iterator[HeliographServer]:
    with HeliographServer() as server:
        yield server


QUEUED_BOUNDS = attrs.evolve(BOUNDS, close=1.6)
"""`QueuedTransport` lets its queue drain first."""


def bench(
    kind: TransportKind, server: HeliographServer, module: ModuleType | None = None, bounds: Bounds = BOUNDS
) -> TransportBench:
    host = PluginHost(block=("heliograph",))
    if module is None:
        module = ModuleType("camcast_heliograph")

        @hookimpl
        def camcast_transports() -> Sequence[TransportKind]:
            return [kind]

        module.camcast_transports = camcast_transports  # type: ignore[attr-defined]
    host.register(module, "under test")
    url, refusing = server.url("secret-{n}-key"), server.url("no-secret-{n}-key")
    return TransportBench(host, host.transports[kind.name], url, refusing=refusing, bounds=bounds)


def test_a_good_transport_passes(server: HeliographServer) -> None:
    assert rules_broken(RULES, bench(KIND, server)) == {}


def _name_the_key(target: Target) -> None:
    if "secret" not in target.url:
        raise ConfigError([Issue("server", "unknown")])


def test_one_that_names_the_key_that_is_wrong_passes(server: HeliographServer) -> None:
    (rule,) = (rule for rule in RULES if rule.name == "checks_with_value_errors")
    rule.check(bench(attrs.evolve(KIND, check=_name_the_key), server))


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert {*BROKEN, "lists_without_loading"} == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_rejected_by_exactly_its_rule(name: str, server: HeliographServer) -> None:
    assert list(rules_broken(RULES, bench(BROKEN[name], server))) == [name]


def test_one_that_takes_writing_for_arriving_never_notices_a_frozen_server(server: HeliographServer) -> None:
    found = rules_broken(RULES, bench(attrs.evolve(KIND, build=Trusting), server, bounds=QUEUED_BOUNDS))
    assert list(found) == ["pending_is_truthful"]
    assert (
        "524288 bytes of media were sent to a peer that takes nothing; 0 of them are pending"
        in found["pending_is_truthful"]
    )


def test_one_that_asks_the_kernel_passes(server: HeliographServer) -> None:
    assert rules_broken(RULES, bench(attrs.evolve(KIND, build=Asking), server, bounds=QUEUED_BOUNDS)) == {}


def test_one_that_loads_much_when_listed(
    server: HeliographServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "camcast_heavy_light.py").write_text("import numpy\nfrom camcast_heliograph import *\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("camcast_heavy_light")
    found = rules_broken(RULES, bench(KIND, server, module))
    assert list(found) == ["lists_without_loading"]
    assert "numpy" in found["lists_without_loading"]
