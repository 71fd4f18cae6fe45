"""H.265 encoders: libx265, and the hardware encoders that FFmpeg drives.

Rules: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for, no delay
beyond what B-frames need; keyframes on request are IDR pictures. The bitrate changes by reopening at a keyframe.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from camcast.contracts import EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import VideoEncoding, encoder_kind, hardware_kinds
from camcast_h265.parser import H265Parser
from camcast_kit_h26x.software import FIXED_GROUPS, PRESETS, SoftwareOptions, common_options, joined, threads

_TUNES = ("", "zerolatency", "grain", "animation", "psnr", "ssim", "fastdecode")


@attrs.frozen(kw_only=True)
class X265Options(SoftwareOptions):
    """Profiles are "main" and "main10"."""

    preset: str = attrs.field(default="superfast", validator=attrs.validators.in_(PRESETS))
    tune: str = attrs.field(default="zerolatency", validator=attrs.validators.in_(_TUNES))
    crf: float = attrs.field(default=28.0, validator=[attrs.validators.ge(0), attrs.validators.le(51)])
    """Quality for rate control "avbr", where the bitrate is only a cap."""


def _x265(settings: EncoderSettings, limit: int) -> dict[str, str]:
    chosen = settings.options or X265Options()
    gop = max(1, round(settings.gop * (settings.frame_rate or 30.0)))
    parameters = {
        **FIXED_GROUPS,
        "log-level": "none",
        "keyint": str(gop),
        "min-keyint": str(gop),
        "bframes": str(settings.b_frames),
        "repeat-headers": "1",
    }
    if settings.b_frames:
        # x265 asks for more look-ahead than B-frames, also where the tune wants none.
        parameters |= {"rc-lookahead": str(settings.b_frames + 1), "b-adapt": "0"}
    count = threads(chosen, settings)
    if count == 1:
        parameters |= {"pools": "none", "frame-threads": "1"}
    elif count:
        parameters["pools"] = str(count)
    return common_options(chosen, settings, limit) | {"x265-params": joined({**parameters, **chosen.parameters})}


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
