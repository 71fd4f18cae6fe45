"""H.265 encoders: libx265, and the hardware encoders that FFmpeg drives.

Rules for all: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for,
no delay beyond what B-frames need, keyframes on request are IDR pictures. None changes its bitrate while it runs:
they are reopened at the next keyframe.

Of the hardware encoders only the way they are asked for could be tried without such hardware; `probe` says on
each machine whether they work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from camcast.contracts import Encoder, EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import AvVideoEncoder, VideoEncoding, probe_video
from camcast_h265.parser import H265Parser

_NVIDIA = "an NVIDIA GPU and its driver (libcuda, libnvidia-encode)"
_INTEL = "an Intel GPU, its media driver and the oneVPL or Media SDK runtime"
_AMD = "an AMD GPU and its AMF runtime"
_V4L2 = "a V4L2 memory-to-memory encoder (/dev/video*)"
_APPLE = "macOS"


@attrs.frozen(kw_only=True)
class X265Options:
    """`parameters` go to x265 itself (its own names, "aq-mode": "2") and win over all else."""

    preset: str = "superfast"
    tune: str = "zerolatency"
    """"" gives look-ahead, which is better pictures later."""
    profile: str = ""
    """"main", "main10"; "" = as the picture needs."""
    threads: int = 0
    """0 = as many as the machine has."""
    crf: float = 28.0
    """Quality for rate control "avbr", where the bitrate is only a cap."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class HardwareOptions:
    """`parameters` are FFmpeg's private options of this encoder, as `ffmpeg -h encoder=NAME` lists them."""

    profile: str = ""
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


def _nvenc(settings: EncoderSettings) -> dict[str, str]:
    rate_control = "cbr" if settings.rate_control == "cbr" else "vbr"
    return {"preset": "p4", "tune": "ull", "rc": rate_control, "zerolatency": "1", "delay": "0", "forced-idr": "1",
            "no-scenecut": "1", "strict_gop": "1"}  # fmt: skip


def _qsv(settings: EncoderSettings) -> dict[str, str]:
    return {"preset": "veryfast", "async_depth": "1", "look_ahead": "0", "forced_idr": "1", "adaptive_i": "0"}


def _amf(settings: EncoderSettings) -> dict[str, str]:
    rate_control = "cbr" if settings.rate_control == "cbr" else "vbr_latency"
    return {"usage": "ultralowlatency", "rc": rate_control, "forced_idr": "1", "header_insertion_mode": "idr"}


def _v4l2(settings: EncoderSettings) -> dict[str, str]:
    return {}


def _videotoolbox(settings: EncoderSettings) -> dict[str, str]:
    return {"realtime": "1", "allow_sw": "0"}


def _kind(encoding: VideoEncoding, title: str, priority: int, options: type, *, hardware: bool = True) -> EncoderKind:
    def probe() -> None:
        probe_video(encoding)

    def open_encoder(settings: EncoderSettings) -> Encoder:
        return AvVideoEncoder(encoding, settings)

    return EncoderKind(
        name=encoding.name,
        codec="h265",
        title=title,
        priority=priority,
        options=options,
        hardware=hardware,
        probe=probe,
        open=open_encoder,
    )


def _hardware(
    name: str, title: str, priority: int, needs: str, options: Callable[[EncoderSettings], dict[str, str]]
) -> EncoderKind:
    def all_options(settings: EncoderSettings, limit: int) -> dict[str, str]:
        chosen = settings.options or HardwareOptions()
        return {**options(settings), **({"profile": chosen.profile} if chosen.profile else {}), **chosen.parameters}

    encoding = VideoEncoding(
        name=name, parser=H265Parser, options=all_options, pixel_formats=("nv12", "yuv420p", "p010le"), needs=needs
    )
    return _kind(encoding, title, priority, HardwareOptions)


LIBX265 = VideoEncoding(
    name="libx265",
    parser=H265Parser,
    options=_x265,
    pixel_formats=("yuv420p", "yuv420p10le", "yuv422p", "yuv422p10le", "yuv444p", "yuv444p10le"),
    constant_quality=True,
)

KINDS: Sequence[EncoderKind] = (
    _kind(LIBX265, "x265, in software", 10, X265Options, hardware=False),
    _hardware("hevc_nvenc", "NVIDIA NVENC", 60, _NVIDIA, _nvenc),
    _hardware("hevc_qsv", "Intel Quick Sync", 50, _INTEL, _qsv),
    _hardware("hevc_videotoolbox", "Apple VideoToolbox", 50, _APPLE, _videotoolbox),
    _hardware("hevc_amf", "AMD AMF", 40, _AMD, _amf),
    _hardware("hevc_v4l2m2m", "V4L2 memory-to-memory", 30, _V4L2, _v4l2),
)
