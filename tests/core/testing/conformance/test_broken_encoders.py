"""For each rule of the encoder kit an encoder that breaks it, and is rejected by exactly that rule."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from tests.core.testing.conformance.kit_run import rules_broken

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import EncoderError
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import EncoderKind
from camcast.media import Frame, Packet
from camcast.testing.conformance import EncoderConformance
from camcast.testing.conformance.encoder_rules import EncoderBench

pytestmark = pytest.mark.slow

RULES = EncoderConformance.rules
KIND = PluginHost().encoders["libx264"]
QUICK = {"preset": "ultrafast"}


class Around:
    """An encoder around the good one."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self.inner: Encoder = KIND.open(self.altered(settings))
        self.closed = False

    def altered(self, settings: EncoderSettings) -> EncoderSettings:
        return settings

    def alter(self, packet: Packet) -> Packet:
        return packet

    def encode(self, frame: Frame) -> list[Packet]:
        return [self.alter(packet) for packet in self.inner.encode(frame)]

    def flush(self) -> list[Packet]:
        return [self.alter(packet) for packet in self.inner.flush()]

    def request_keyframe(self) -> None:
        self.inner.request_keyframe()

    def set_bitrate(self, bitrate: int) -> None:
        self.inner.set_bitrate(bitrate)

    def close(self) -> None:
        self.inner.close()


class OtherSize(Around):
    def altered(self, settings: EncoderSettings) -> EncoderSettings:
        return attrs.evolve(settings, width=min(settings.width, 304))


class Frugal(Around):
    def altered(self, settings: EncoderSettings) -> EncoderSettings:
        return attrs.evolve(settings, bitrate=settings.bitrate // 4, max_bitrate=0)

    def set_bitrate(self, bitrate: int) -> None:
        self.inner.set_bitrate(bitrate // 4)


class LongGroups(Around):
    def altered(self, settings: EncoderSettings) -> EncoderSettings:
        return attrs.evolve(settings, gop=10.0)


class Unasked(Around):
    def request_keyframe(self) -> None:
        """Not now."""


class Stubborn(Around):
    def set_bitrate(self, bitrate: int) -> None:
        """Later."""


class OutOfOrder(Around):
    """Decode times that stand still."""

    first: int | None = None

    def alter(self, packet: Packet) -> Packet:
        self.first = packet.dts if self.first is None else self.first
        packet.dts = self.first
        return packet


class Unstamped(Around):
    """Forgets the very arrival, and shows the time as it is."""

    def alter(self, packet: Packet) -> Packet:
        packet.arrival += 1
        return packet


class Delimits(Around):
    def alter(self, packet: Packet) -> Packet:
        packet.payload = b"\0\0\0\2\x09\xf0" + packet.payload
        return packet


class ClosesOnce(Around):
    def close(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True
        super().close()


class Asserts(Around):
    def encode(self, frame: Frame) -> list[Packet]:
        try:
            return super().encode(frame)
        except EncoderError as error:
            if "closed" in str(error):
                raise
            raise TypeError(str(error)) from error


class Leaks(Around):
    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.open(os.devnull, os.O_RDONLY)
        super().close()


def _no_probe() -> None:
    raise OSError("no such device")


def opens(cls: Callable[[EncoderSettings], Any]) -> EncoderKind:
    return attrs.evolve(KIND, open=cls)


BROKEN: dict[str, EncoderKind] = {
    "probes": attrs.evolve(KIND, probe=_no_probe),
    "honours_format": opens(OtherSize),
    "honours_bitrate": opens(Frugal),
    "honours_gop": opens(LongGroups),
    "keyframe_on_request": opens(Unasked),
    "follows_bitrate": opens(Stubborn),
    "times_in_order": opens(OutOfOrder),
    "carries_arrival": opens(Unstamped),
    "makes_normal_packets": opens(Delimits),
    "closes_twice": opens(ClosesOnce),
    "errors_are_encoder_errors": opens(Asserts),
    "leaves_nothing": opens(Leaks),
}


def bench(kind: EncoderKind, module: ModuleType | None = None) -> EncoderBench:
    host = PluginHost(block=("h264",))
    if module is None:
        module = ModuleType("camcast_h264")
        inner = importlib.import_module("camcast_h264")

        @hookimpl
        def camcast_encoders() -> Sequence[EncoderKind]:
            return [kind]

        module.camcast_encoders = camcast_encoders  # type: ignore[attr-defined]
        module.camcast_codecs = inner.camcast_codecs  # type: ignore[attr-defined]
    host.register(module, "under test")
    return EncoderBench(host, kind, QUICK)


def test_a_good_encoder_passes() -> None:
    assert rules_broken(RULES, bench(KIND)) == {}


def test_there_is_a_broken_one_for_each_rule() -> None:
    assert {*BROKEN, "lists_without_loading"} == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_rejected_by_exactly_its_rule(name: str) -> None:
    assert list(rules_broken(RULES, bench(BROKEN[name]))) == [name]


def test_one_that_loads_much_when_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import numpy\nfrom camcast_h264 import camcast_codecs, camcast_encoders\n"
    (tmp_path / "camcast_heavy_encoder.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("camcast_heavy_encoder")
    (kind,) = (kind for kind in module.camcast_encoders() if kind.name == KIND.name)
    assert list(rules_broken(RULES, bench(kind, module))) == ["lists_without_loading"]
