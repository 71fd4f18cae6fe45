"""Which encoder is taken, and why not another.

Rules: "auto" tries the kinds of a codec from the highest priority down and takes the first that really opens, with the
settings it is meant for. "hardware" and "software" do
the same among those; any other word is a kind's name, which is taken or refused with its own reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import CamcastError, EncoderError, PluginError
from camcast.hosting.faults import Faults
from camcast.kinds import EncoderKind


@attrs.frozen
class Chosen:
    """An encoder that has been opened, and why it is this one."""

    kind: EncoderKind
    encoder: Encoder
    report: str


def open_best(
    encoders: Mapping[str, EncoderKind],
    codec: str,
    implementation: str,
    settings: EncoderSettings,
    *,
    faults: Faults,
    options: Callable[[EncoderKind], object] | None = None,
) -> Chosen:
    """Open the first kind that works; with a sentence on what was taken and why others were not.

    `codec` is a codec kind's name; `options` makes a kind's own options. Never on the loop. A kind that breaks its
    contract is passed over like one that refuses, and told to `faults`. Raises `EncoderError` with the reason for
    each that was tried, `PluginError` where each has a bug, and what `options` raises.
    """
    refusals: dict[str, str] = {}
    absent: set[str] = set()
    refused = False
    """Whether one did so as it should."""
    for kind in _candidates(encoders, codec, implementation):
        own = attrs.evolve(settings, options=options(kind)) if options is not None else settings
        absent.add(kind.name)
        try:
            kind.probe()
            absent.remove(kind.name)
            encoder = kind.open(own)
        except CamcastError as error:
            refusals[kind.name], refused = str(error), True
        except Exception as error:  # noqa: BLE001  a plugin's bug
            absent.discard(kind.name)
            faults.tell(f"encoder {kind.name}", "probe or open", error)
            refusals[kind.name] = f"failed by a bug of its own: {type(error).__name__}: {error}"
        else:
            # What is not there at all would fill a screen: of most machines it is all the hardware encoders.
            told = [name if name in absent else f"{name}: {why}" for name, why in refusals.items()]
            return Chosen(kind, encoder, f"{codec} is encoded by {kind.name}" + _not_taken(told))
    reasons = [f"{name}: {why}" for name, why in refusals.items()]
    raise (EncoderError if refused else PluginError)(f"no encoder for {codec} works here" + _not_taken(reasons))


def _candidates(encoders: Mapping[str, EncoderKind], codec: str, implementation: str) -> list[EncoderKind]:
    ours = sorted((kind for kind in encoders.values() if kind.codec == codec), key=lambda kind: -kind.priority)
    if not ours:
        known = ", ".join(sorted({kind.codec for kind in encoders.values()})) or "none"
        raise EncoderError(f"no encoder for {codec} is installed; codecs with an encoder: {known}")
    match implementation:
        case "" | "auto":
            tried = ours
        case "hardware" | "software":
            tried = [kind for kind in ours if kind.hardware == (implementation == "hardware")]
        case name:
            tried = [kind for kind in ours if kind.name == name]
    if not tried:
        names = ", ".join(kind.name for kind in ours)
        raise EncoderError(
            f"no {implementation} encoder for {codec}; expected one of auto, hardware, software, {names}"
        )
    return tried


def _not_taken(refusals: list[str]) -> str:
    return f" (not taken: {'; '.join(refusals)})" if refusals else ""
