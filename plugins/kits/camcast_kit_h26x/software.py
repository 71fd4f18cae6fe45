"""Options of x264 and x265, which were written by the same hands, and how FFmpeg is told them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.contracts import EncoderSettings

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
_SMALL = 640 * 360 * 30
"""Points a second."""
FIXED_GROUPS = {"scenecut": "0", "open-gop": "0"}
"""Closed groups of pictures, no keyframes at scene cuts."""


@attrs.frozen(kw_only=True)
class SoftwareOptions:
    """What a user may set of either. `parameters` go to the library itself (its own names, "aq-mode": "2") and win over
    all else."""

    preset: str = attrs.field(default="medium", validator=attrs.validators.in_(PRESETS))
    tune: str = "zerolatency"
    """"" gives look-ahead, which is better pictures later."""
    profile: str = ""
    """"" = as the picture needs."""
    threads: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """0 = one for small pictures (640×360 at 30 a second, or less), for larger ones as many as the machine has."""
    crf: float = attrs.field(default=23.0, validator=[attrs.validators.ge(0), attrs.validators.le(51)])
    """Quality for rate control "avbr", where the bitrate is only a cap."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


def common_options(chosen: SoftwareOptions, settings: EncoderSettings, limit: int) -> dict[str, str]:
    """FFmpeg's private options that both have. `limit`: bit/s."""
    options = {"preset": chosen.preset, "forced-idr": "1"}
    if chosen.tune:
        options["tune"] = chosen.tune
    if chosen.profile:
        options["profile"] = chosen.profile
    if settings.rate_control == "avbr":
        options |= {"crf": f"{chosen.crf:g}", "maxrate": str(limit), "bufsize": str(2 * limit)}
    return options


def threads(chosen: SoftwareOptions, settings: EncoderSettings) -> int:
    """How many to use; 0 = the library decides, by the machine.

    A small picture is encoded by one in a fraction of its time. The library's own choice was four threads more for each
    of two hundred of them.
    """
    small = settings.width * settings.height * (settings.frame_rate or 30.0) <= _SMALL
    return chosen.threads or (1 if small and settings.width else 0)


def joined(parameters: Mapping[str, str]) -> str:
    """Parameters in the form that both take them in one option."""
    return ":".join(f"{name}={value}" for name, value in parameters.items())
