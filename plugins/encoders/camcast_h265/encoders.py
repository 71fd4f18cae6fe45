"""H.265 encoders: libx265, and the hardware encoders that FFmpeg drives.

Rules: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for, no delay
beyond what B-frames need; keyframes on request are IDR pictures. The bitrate changes by reopening at a keyframe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from camcast.contracts import EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import VideoEncoding, encoder_kind, hardware_kinds
from camcast_h265.parser import H265Parser

_PRESETS = (
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
_TUNES = ("", "zerolatency", "grain", "animation", "psnr", "ssim", "fastdecode")


@attrs.frozen(kw_only=True)
class X265Options:
    """`parameters` go to x265 itself (its own names, "aq-mode": "2") and win over all else."""

    preset: str = attrs.field(default="superfast", validator=attrs.validators.in_(_PRESETS))
    tune: str = attrs.field(default="zerolatency", validator=attrs.validators.in_(_TUNES))
    """"" gives look-ahead, which is better pictures later."""
    profile: str = ""
    """"main", "main10"; "" = as the picture needs."""
    threads: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """0 = as many as the machine has."""
    crf: float = attrs.field(default=28.0, validator=[attrs.validators.ge(0), attrs.validators.le(51)])
    """Quality for rate control "avbr", where the bitrate is only a cap."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


def _x265(settings: EncoderSettings, limit: int) -> dict[str, str]:
    chosen = settings.options or X265Options()
    options = {"preset": chosen.preset, "forced-idr": "1"}
    if chosen.tune:
        options["tune"] = chosen.tune
    if chosen.profile:
        options["profile"] = chosen.profile
    if settings.rate_control == "avbr":
        options |= {"crf": f"{chosen.crf:g}", "maxrate": str(limit), "bufsize": str(2 * limit)}
    gop = max(1, round(settings.gop * (settings.frame_rate or 30.0)))
    parameters = {
        "log-level": "none",
        "scenecut": "0",
        "open-gop": "0",
        "keyint": str(gop),
        "min-keyint": str(gop),
        "bframes": str(settings.b_frames),
        "repeat-headers": "1",
    }
    if settings.b_frames:
        # x265 asks for more look-ahead than B-frames, also where the tune wants none.
        parameters |= {"rc-lookahead": str(settings.b_frames + 1), "b-adapt": "0"}
    if chosen.threads:
        parameters["pools"] = str(chosen.threads)
    parameters |= chosen.parameters
    options["x265-params"] = ":".join(f"{name}={value}" for name, value in parameters.items())
    return options


LIBX265 = VideoEncoding(
    name="libx265",
    parser=H265Parser,
    options=_x265,
    pixel_formats=("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    constant_quality=True,
)

KINDS: Sequence[EncoderKind] = (
    encoder_kind(LIBX265, "h265", "x265, in software", 10, X265Options),
    *hardware_kinds("h265", "hevc", H265Parser, ("nv12", "yuv420p", "p010le")),
)
