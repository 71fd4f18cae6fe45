"""Which encoder is taken, and what is said of the others."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

import camcast_h264
from camcast.contracts import Encoder, EncoderSettings
from camcast.encode.choice import Chosen, open_best
from camcast.errors import EncoderError, MissingDependency, PluginError
from camcast.hosting.faults import Faults
from camcast.kinds import EncoderKind

SETTINGS = EncoderSettings(width=640, height=360, frame_rate=25, bitrate=500_000)


class Dummy:
    def close(self) -> None:
        pass


def kind(name: str, priority: int, *, hardware: bool = False, probe: str = "", opening: str = "") -> EncoderKind:
    def try_it() -> None:
        if probe:
            raise MissingDependency(probe)

    def open_it(settings: EncoderSettings) -> Encoder:
        if opening:
            raise EncoderError(f"{opening} at {settings.width}x{settings.height}")
        return Dummy()  # type: ignore[return-value]

    return EncoderKind(
        name=name, codec="x", title=name, priority=priority, hardware=hardware, probe=try_it, open=open_it
    )


def choose(kinds: Mapping[str, EncoderKind], codec: str, implementation: str, faults: Faults | None = None) -> Chosen:
    return open_best(kinds, codec, implementation, SETTINGS, faults=faults or Faults())


def table(*kinds: EncoderKind) -> dict[str, EncoderKind]:
    return {entry.name: entry for entry in kinds}


def test_auto_takes_the_highest_that_opens_and_says_shortly_why_not_the_others() -> None:
    kinds = table(
        kind("soft", 10),
        kind("gone", 90, hardware=True, probe="pip install gone"),
        kind("small", 80, hardware=True, opening="too big"),
        kind("unused", 5),
    )
    chosen = choose(kinds, "x", "auto")
    assert chosen.kind.name == "soft"
    assert chosen.report == "x is encoded by soft (not taken: gone; small: too big at 640x360)"


@pytest.mark.parametrize(("implementation", "name"), [("software", "soft"), ("hardware", "hard"), ("soft", "soft")])
def test_the_configuration_narrows_the_choice(implementation: str, name: str) -> None:
    kinds = table(kind("soft", 10), kind("hard", 50, hardware=True))
    assert choose(kinds, "x", implementation).kind.name == name


def test_errors_name_what_there_is() -> None:
    kinds = table(kind("soft", 10, probe="broken"))
    with pytest.raises(EncoderError, match=re.escape("no encoder for x works here (not taken: soft: broken)")):
        choose(kinds, "x", "auto")
    with pytest.raises(EncoderError, match="no fast encoder for x; expected one of auto, hardware, software, soft"):
        choose(kinds, "x", "fast")
    with pytest.raises(EncoderError, match="no encoder for y is installed; codecs with an encoder: x"):
        choose(kinds, "y", "auto")


def test_on_this_machine_something_real_is_taken() -> None:
    kinds = {entry.name: entry for entry in camcast_h264.camcast_encoders()}
    chosen = choose(kinds, "h264", "auto")
    chosen.encoder.close()
    taken, report = chosen.kind, chosen.report
    assert report.startswith(f"h264 is encoded by {taken.name}")
    for entry in sorted(kinds.values(), key=lambda entry: -entry.priority):
        if entry is taken:
            break
        assert entry.name in report


def test_auto_passes_over_an_encoder_that_breaks_its_contract(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it raises; traced once, counted each time."""

    def broken(settings: EncoderSettings) -> Encoder:
        raise RuntimeError("driver says 42")

    bad = EncoderKind(name="bad", codec="x", title="Bad", priority=99, probe=lambda: None, open=broken)
    kinds, faults = table(bad, kind("soft", 10)), Faults()
    for _ in range(3):
        chosen = choose(kinds, "x", "auto", faults)
        assert chosen.kind.name == "soft"
        assert chosen.report.endswith("(not taken: bad: failed by a bug of its own: RuntimeError: driver says 42)")
    assert faults.counts == {"encoder bad": 3}
    assert caplog.text.count("Traceback") == 1
    with pytest.raises(PluginError, match=r"no encoder for x works here .*bad: failed by a bug of its own"):
        choose(kinds, "x", "bad", faults)
