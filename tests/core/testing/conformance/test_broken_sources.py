"""For each rule of the source kit a source that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
import sys
import threading
import time as clock
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import SourceError
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import SourceKind
from camcast.media import RAW, Frame, Packet, Track
from camcast.testing.conformance import Bounds, SourceConformance, rule
from camcast.testing.conformance.held import LoopGuard
from camcast.testing.conformance.running import SourceBench

pytestmark = pytest.mark.slow

sys.path.append(str(Path(__file__).parents[3] / "outside" / "heliograph"))
heliograph: Any = importlib.import_module("camcast_heliograph")
FlagSource: Any = heliograph.FlagSource
KIND: SourceKind = attrs.evolve(heliograph.camcast_sources()[0], needs_url=True)
RULES = SourceConformance.rules


class Quick(FlagSource):
    pace = 0.002


class Between:
    """Stands between a source and its sink."""

    def __init__(self, sink: MediaSink) -> None:
        self.sink = sink
        self.count = 0

    def tracks(self, tracks: Sequence[Track]) -> None:
        self.sink.tracks(tracks)

    def packet(self, packet: Packet) -> None:
        self.count += 1
        self.sink.packet(packet)


class Altered(Quick):
    through: ClassVar[type[Between]] = Between

    async def run(self, sink: MediaSink) -> None:
        await super().run(self.through(sink))


class LateTracks(Between):
    kept: Sequence[Track] = ()

    def tracks(self, tracks: Sequence[Track]) -> None:
        self.kept = tracks

    def packet(self, packet: Packet) -> None:
        super().packet(packet)
        if self.count == 1:
            self.sink.tracks(self.kept)


class SomeFrames(Between):
    def packet(self, packet: Packet) -> None:
        super().packet(packet)
        if self.count == 2:
            raw = attrs.evolve(packet.track, codec=RAW)
            self.sink.tracks([raw])
            self.sink.frame(Frame(raw, packet.pts, None, packet.arrival))  # type: ignore[arg-type]
            self.sink.tracks([packet.track])


class Backwards(Between):
    def packet(self, packet: Packet) -> None:
        packet.dts -= 10**9 * (self.count % 5 == 3)
        super().packet(packet)


class Unstamped(Between):
    def packet(self, packet: Packet) -> None:
        packet.arrival = 0
        super().packet(packet)


class FromAThread(Between):
    def packet(self, packet: Packet) -> None:
        thread = threading.Thread(target=super().packet, args=(packet,))
        thread.start()
        thread.join()


class Reads(Between):
    """Blocks while it waits for the camera, now and then."""

    def packet(self, packet: Packet) -> None:
        if self.count == 9:
            clock.sleep(0.4)
        super().packet(packet)


def through(between: type[Between]) -> SourceKind:
    return attrs.evolve(KIND, build=type("Source", (Altered,), {"through": between}))


class SlowToStop(Quick):
    """When it has run for a while."""

    async def run(self, sink: MediaSink) -> None:
        between = Between(sink)
        try:
            await super().run(between)
        finally:
            if between.count >= 12:
                await asyncio.sleep(0.6)


class EndsQuietly(Quick):
    async def run(self, sink: MediaSink) -> None:
        try:
            await super().run(sink)
        except asyncio.CancelledError:
            return


class Leaky(Quick):
    kept: ClassVar[list[Any]] = []

    async def run(self, sink: MediaSink) -> None:
        self.kept.append(open("/dev/null"))  # noqa: ASYNC230, SIM115
        await super().run(sink)


class Strict(Quick):
    def __init__(self, context: SourceContext) -> None:
        try:
            super().__init__(context)
        except SourceError:
            raise ValueError("an address begins with flags://") from None


class Gossip(Quick):
    def __init__(self, context: SourceContext) -> None:
        logging.getLogger("gossip").info("opening %s", context.url)
        super().__init__(context)


class Mute(Quick):
    def request_keyframe(self) -> None:
        """Nothing."""


class Careless(Quick):
    async def run(self, sink: MediaSink) -> None:
        asyncio.get_running_loop().call_soon(lambda: dict[str, int]()["nothing"])
        await super().run(sink)


def _crashes(url: str) -> None:
    raise KeyError(url)


BROKEN = {
    "announces_tracks_first": through(LateTracks),
    "gives_what_it_says": through(SomeFrames),
    "times_go_on": through(Backwards),
    "stamps_arrival": through(Unstamped),
    "stays_on_the_loop": through(FromAThread),
    "keeps_the_loop_free": through(Reads),
    "stops_in_time": attrs.evolve(KIND, build=SlowToStop),
    "hears_cancellation": attrs.evolve(KIND, build=EndsQuietly),
    "leaves_nothing": attrs.evolve(KIND, build=Leaky),
    "bad_url_is_a_source_error": attrs.evolve(KIND, build=Strict),
    "present_says_what_is_missing": attrs.evolve(KIND, present=_crashes),
    "hides_secrets": attrs.evolve(KIND, build=Gossip),
    "answers_keyframe_requests": attrs.evolve(KIND, build=Mute),
    "raises_nothing_aside": attrs.evolve(KIND, build=Careless),
}


class AllAtOnce(Between):
    def packet(self, packet: Packet) -> None:
        packet.dts = packet.pts = 0
        super().packet(packet)


class NeverShown(Between):
    def packet(self, packet: Packet) -> None:
        packet.pts = 0
        super().packet(packet)


class InMilliseconds(Between):
    def packet(self, packet: Packet) -> None:
        packet.dts, packet.pts = packet.dts // 10**6, packet.pts // 10**6
        super().packet(packet)


class Naps(Between):
    """Waits for each picture, too shortly to be seen by a single look."""

    def packet(self, packet: Packet) -> None:
        clock.sleep(0.02)
        super().packet(packet)


class NeverAwaits(Quick):
    async def run(self, sink: MediaSink) -> None:
        track = heliograph.FlagParser(b"").track
        sink.tracks([track])
        for number in range(10**9):
            clock.sleep(0.02)  # noqa: ASYNC251 - that is the point
            at = number * 20_000_000
            sink.packet(Packet(track, at, at, True, b"\x1aFK", arrival=clock.monotonic_ns()))


@pytest.mark.parametrize(
    ("between", "text"),
    [
        (AllAtOnce, "video pts grew by 0 ns in "),
        (NeverShown, "video pts grew by 0 ns"),
        (InMilliseconds, "video pts grew by 14"),
    ],
)
def test_times_that_stand_still_or_count_something_else(between: type[Between], text: str) -> None:
    found = rules_broken(RULES, bench(through(between)))
    assert list(found) == ["times_go_on"]
    assert text in found["times_go_on"]


def test_many_short_naps_hold_the_loop() -> None:
    found = rules_broken(RULES, bench(through(Naps)))
    assert list(found) == ["keeps_the_loop_free"]
    assert "the loop was held for" in found["keeps_the_loop_free"]


def test_one_that_never_awaits_does_not_hang_the_kit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "LoopGuard", partial(LoopGuard, 0.5))
    found = rules_broken(RULES, bench(attrs.evolve(KIND, build=NeverAwaits)))
    assert "keeps_the_loop_free" in found
    assert re.search(
        r"the event loop stood still .*, at test_broken_sources\.py:\d+ in (run|packet)", found["leaves_nothing"]
    )


def bench(kind: SourceKind, module: ModuleType | None = None) -> SourceBench:
    host = PluginHost(block=("heliograph",))
    if module is None:
        module = ModuleType("camcast_heliograph")

        @hookimpl
        def camcast_sources() -> Sequence[SourceKind]:
            return [kind]

        module.camcast_sources = camcast_sources  # type: ignore[attr-defined]
        module.camcast_codecs = heliograph.camcast_codecs  # type: ignore[attr-defined]
    host.register(module, "under test")
    return SourceBench(host, host.sources[kind.name], "flags://hill", bounds=Bounds(close=0.3, slack=0.2, blocked=0.3))


def test_a_good_source_passes() -> None:
    assert rules_broken(RULES, bench(attrs.evolve(KIND, build=Quick))) == {}


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert {*BROKEN, "lists_without_loading"} == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_rejected_by_exactly_its_rule(name: str) -> None:
    assert list(rules_broken(RULES, bench(BROKEN[name]))) == [name]


def test_one_that_loads_much_when_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "camcast_heavy_flags.py").write_text("import numpy\nfrom camcast_heliograph import *\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(FlagSource, "pace", Quick.pace)
    module = importlib.import_module("camcast_heavy_flags")
    found = rules_broken(RULES, bench(attrs.evolve(KIND, build=Quick), module))
    assert list(found) == ["lists_without_loading"]
