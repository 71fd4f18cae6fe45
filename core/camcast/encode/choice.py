"""Which encoder is taken, and why not another.

Rules: "auto" tries the kinds of a codec from the highest priority down and takes the first that really opens: each
is probed, and a hardware encoder must also open with the settings it is meant for. "hardware" and "software" do
the same among those; any other word is a kind's name, which is taken or refused with its own reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from camcast.contracts import EncoderSettings
from camcast.errors import CamcastError, EncoderError
from camcast.kinds import EncoderKind


def choose(
    encoders: Mapping[str, EncoderKind], codec: str, implementation: str, settings: EncoderSettings
) -> tuple[EncoderKind, str]:
    """The kind to open, and a sentence on what was taken and why others were not.

    `codec` is a codec kind's name; `settings` are those it will be opened with, options aside. Opens encoders, so
    never on the loop. Raises `EncoderError` with the reason for each that was tried.
    """
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
    refusals: list[str] = []
    for kind in tried:
        try:
            _try(kind, settings)
        except CamcastError as error:
            refusals.append(f"{kind.name}: {error}")
        else:
            return kind, f"{codec} is encoded by {kind.name}" + _not_taken(refusals)
    raise EncoderError(f"no encoder for {codec} works here" + _not_taken(refusals))


def _try(kind: EncoderKind, settings: EncoderSettings) -> None:
    kind.probe()
    if kind.hardware and settings.width and settings.height:
        kind.open(settings).close()


def _not_taken(refusals: list[str]) -> str:
    return f" (not taken: {'; '.join(refusals)})" if refusals else ""
