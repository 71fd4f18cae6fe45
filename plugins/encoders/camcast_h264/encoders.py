"""H.264 encoders: libx264, and the hardware encoders that FFmpeg drives.

Rules: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for, no delay
beyond what B-frames need; keyframes on request are IDR pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from camcast.contracts import EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import VideoEncoding, encoder_kind, hardware_kinds
from camcast_h264.parser import H264Parser

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
_TUNES = ("", "zerolatency", "film", "animation", "grain", "stillimage", "psnr", "ssim", "fastdecode")


@attrs.frozen(kw_only=True)
class X264Options:
    """`parameters` go to x264 itself (its own names, "aq-mode": "2") and win over all else."""

    preset: str = attrs.field(default="veryfast", validator=attrs.validators.in_(_PRESETS))
    tune: str = attrs.field(default="zerolatency", validator=attrs.validators.in_(_TUNES))
    """"" gives look-ahead, which is better pictures later."""
    profile: str = ""
    """"baseline", "main", "high"; "" = as the picture needs."""
    threads: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """0 = as many as the machine has."""
    crf: float = attrs.field(default=23.0, validator=[attrs.validators.ge(0), attrs.validators.le(51)])
    """Quality for rate control "avbr", where the bitrate is only a cap."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


def _x264(settings: EncoderSettings, limit: int) -> dict[str, str]:
    chosen = settings.options or X264Options()
    options = {
        "preset": chosen.preset,
        "sc_threshold": "0",
        "forced-idr": "1",
        # Without HRD parameters in the stream, x264 takes a lower bitrate while it runs.
        "nal-hrd": "none",
        "threads": str(chosen.threads),
    }
    if chosen.tune:
        options["tune"] = chosen.tune
    if chosen.profile:
        options["profile"] = chosen.profile
    if settings.rate_control == "avbr":
        options |= {"crf": f"{chosen.crf:g}", "maxrate": str(limit), "bufsize": str(2 * limit)}
    parameters = {"scenecut": "0", "open-gop": "0", **chosen.parameters}
    options["x264-params"] = ":".join(f"{name}={value}" for name, value in parameters.items())
    return options


LIBX264 = VideoEncoding(
    name="libx264",
    parser=H264Parser,
    options=_x264,
    pixel_formats=("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "nv12"),
    live_bitrate=True,
    constant_quality=True,
)

KINDS: Sequence[EncoderKind] = (
    encoder_kind(LIBX264, "h264", "x264, in software", 10, X264Options),
    *hardware_kinds("h264", "h264", H264Parser, ("nv12", "yuv420p")),
)
