"""H.264 encoders: libx264, and the hardware encoders that FFmpeg drives.

Rules: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for, no delay
beyond what B-frames need; keyframes on request are IDR pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from camcast.contracts import EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import VideoEncoding, encoder_kind, hardware_kinds
from camcast_h264.parser import H264Parser
from camcast_kit_h26x.software import FIXED_GROUPS, PRESETS, SoftwareOptions, common_options, joined, threads

_TUNES = ("", "zerolatency", "film", "animation", "grain", "stillimage", "psnr", "ssim", "fastdecode")


@attrs.frozen(kw_only=True)
class X264Options(SoftwareOptions):
    """Profiles are "baseline", "main" and "high"."""

    preset: str = attrs.field(default="veryfast", validator=attrs.validators.in_(PRESETS))
    tune: str = attrs.field(default="zerolatency", validator=attrs.validators.in_(_TUNES))


def _x264(settings: EncoderSettings, limit: int) -> dict[str, str]:
    chosen = settings.options or X264Options()
    return common_options(chosen, settings, limit) | {
        "sc_threshold": "0",
        # Without HRD parameters in the stream, x264 takes a lower bitrate while it runs.
        "nal-hrd": "none",
        "threads": str(threads(chosen, settings)),
        "x264-params": joined({**FIXED_GROUPS, **chosen.parameters}),
    }


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
