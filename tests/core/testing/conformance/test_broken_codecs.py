"""For each rule of the codec kit a codec that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken

from camcast.contracts import CodecParser, Decoder
from camcast.errors import MediaError
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import CodecKind
from camcast.media import Frame, Packet, Track
from camcast.testing.conformance import CodecConformance
from camcast.testing.conformance.codec_rules import CodecBench
from camcast.testing.conformance.samples import Sample, sample_of

pytestmark = pytest.mark.slow

RULES = CodecConformance.rules


@cache
def installed(name: str) -> tuple[CodecKind, Sample]:
    host = PluginHost()
    kind = host.codecs[name]
    return kind, sample_of(host, kind)


PICTURE, SOUND = installed("h264")[0], installed("aac")[0]


class Around:
    """A parser around the good one."""

    def __init__(self, config: bytes, kind: CodecKind = PICTURE) -> None:
        self.inner: CodecParser = kind.parser(config)
        self.config = config
        self.failed = False

    @property
    def track(self) -> Track | None:
        return self.inner.track

    @property
    def counts(self) -> Any:
        return self.inner.counts

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        return self.inner.parse(data, dts, pts, arrival)


class ForgetsArrival(Around):
    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        return super().parse(data, dts, pts)


class NewTracks(Around):
    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        packet = super().parse(data, dts, pts, arrival)
        return packet and attrs.evolve(packet, track=attrs.evolve(packet.track))


class CountsInWords(Around):
    @property
    def counts(self) -> Any:
        return {"damaged": "none"}


class Stumbles(Around):
    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        try:
            return super().parse(data, dts, pts, arrival)
        except MediaError as error:
            raise ValueError(str(error)) from error


class GivesUp(Around):
    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        if self.failed:
            return None
        try:
            return super().parse(data, dts, pts, arrival)
        except MediaError:
            self.failed = True
            raise


class OtherProfile(Around):
    """Says less of a track that it was told by a record."""

    def __init__(self, config: bytes) -> None:
        super().__init__(config)
        self.changed: Track | None = None
        if config and config is not SAMPLE.config and super().track is not None:
            self.changed = attrs.evolve(super().track, profile="")  # type: ignore[misc]

    @property
    def track(self) -> Track | None:
        return self.changed or super().track


SAMPLE = installed("h264")[1]


class AroundDecoder:
    def __init__(self, track: Track) -> None:
        assert PICTURE.decoder is not None
        self.inner: Decoder = PICTURE.decoder(track)
        self.closed = False

    def decode(self, packet: Packet) -> list[Frame]:
        return self.inner.decode(packet)

    def flush(self) -> list[Frame]:
        return self.inner.flush()

    def close(self) -> None:
        self.inner.close()


class ForgetsTimes(AroundDecoder):
    def decode(self, packet: Packet) -> list[Frame]:
        return [attrs.evolve(frame, arrival=0) for frame in super().decode(packet)]


class DecoderStumbles(AroundDecoder):
    def decode(self, packet: Packet) -> list[Frame]:
        try:
            return super().decode(packet)
        except MediaError as error:
            raise KeyError("damaged") from error


class ClosesOnce(AroundDecoder):
    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        super().close()


def form(**changes: Any) -> CodecKind:
    name, legacy = next(iter(PICTURE.flv.items()))
    return attrs.evolve(PICTURE, flv={name: attrs.evolve(legacy, **changes)})


def loud(rate: int, channels: int) -> tuple[Track, bytes, int]:
    assert SOUND.silence is not None
    track, _, samples = SOUND.silence(rate, channels)
    return track, max((unit[0] for unit in installed("aac")[1].units), key=len), samples


def long_head(track: Track, keyframe: bool, composition: int) -> bytes:
    return bytes(9)


def other_bytes(packet: Packet) -> bytes:
    assert PICTURE.annexb is not None
    return PICTURE.annexb(attrs.evolve(packet, payload=packet.payload + b"\0\0\0\2\x06\x05"))


BROKEN: dict[str, CodecKind] = {
    "describes_itself": attrs.evolve(PICTURE, aliases=(*PICTURE.aliases, "hevc")),
    "parses_its_media": attrs.evolve(PICTURE, parser=ForgetsArrival),
    "tracks_are_values": attrs.evolve(PICTURE, parser=NewTracks),
    "counts_are_numbers": attrs.evolve(PICTURE, parser=CountsInWords),
    "damage_is_a_media_error": attrs.evolve(PICTURE, parser=Stumbles),
    "usable_after_damage": attrs.evolve(PICTURE, parser=GivesUp),
    "config_round_trip": attrs.evolve(PICTURE, parser=OtherProfile),
    "annexb_agrees": attrs.evolve(PICTURE, annexb=other_bytes),
    "flv_forms_hold": form(head=long_head),
    "decodes": attrs.evolve(PICTURE, decoder=ForgetsTimes),
    "decoder_survives_damage": attrs.evolve(PICTURE, decoder=DecoderStumbles),
    "decoder_closes_twice": attrs.evolve(PICTURE, decoder=ClosesOnce),
    "silence_is_silent": attrs.evolve(SOUND, silence=loud),
}


def bench(kind: CodecKind, make: Callable[[CodecKind], ModuleType] | None = None) -> CodecBench:
    host = PluginHost(block=(kind.name,))
    host.register((make or in_module)(kind), "under test")
    return CodecBench(host, kind, installed(kind.name)[1])


def in_module(kind: CodecKind) -> ModuleType:
    module = ModuleType(f"camcast_{kind.name}")

    @hookimpl
    def camcast_codecs() -> Sequence[CodecKind]:
        return [kind]

    module.camcast_codecs = camcast_codecs  # type: ignore[attr-defined]
    return module


def test_good_codecs_pass() -> None:
    assert rules_broken(RULES, bench(PICTURE)) == {}
    assert rules_broken(RULES, bench(SOUND)) == {}


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert {*BROKEN, "lists_without_loading"} == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_rejected_by_exactly_its_rule(name: str) -> None:
    assert list(rules_broken(RULES, bench(BROKEN[name]))) == [name]


def test_a_header_without_the_record_is_rejected() -> None:
    assert list(rules_broken(RULES, bench(form(header=lambda track: b"")))) == ["flv_forms_hold"]


def test_one_that_loads_much_when_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "camcast_heavy_picture.py").write_text("import numpy\nfrom camcast_h264 import camcast_codecs\n")
    module = importlib.import_module("camcast_heavy_picture")
    found = rules_broken(RULES, bench(module.camcast_codecs()[0], lambda kind: module))
    assert list(found) == ["lists_without_loading"]
