"""H.264 encoders: libx264, and the hardware encoders that FFmpeg drives.

Rules for all: closed groups of pictures of a fixed length, no keyframes at scene cuts, no B-frames unless asked for,
no delay beyond what B-frames need, keyframes on request are IDR pictures.

Of the hardware encoders only the way they are asked for could be tried without such hardware; `probe` says on
each machine whether they work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from camcast.contracts import Encoder, EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import AvVideoEncoder, VideoEncoding, probe_video
from camcast_h264.parser import H264Parser

_NVIDIA = "an NVIDIA GPU and its driver (libcuda, libnvidia-encode)"
_INTEL = "an Intel GPU, its media driver and the oneVPL or Media SDK runtime"
_AMD = "an AMD GPU and its AMF runtime"
_V4L2 = "a V4L2 memory-to-memory encoder (/dev/video*), as a Raspberry Pi has"
_APPLE = "macOS"


@attrs.frozen(kw_only=True)
class X264Options:
    """`parameters` go to x264 itself (its own names, "aq-mode": "2") and win over all else."""

    preset: str = "veryfast"
    tune: str = "zerolatency"
    """"" gives look-ahead, which is better pictures later."""
    profile: str = ""
    """"baseline", "main", "high"; "" = as the picture needs."""
    threads: int = 0
    """0 = as many as the machine has."""
    crf: float = 23.0
    """Quality for rate control "avbr", where the bitrate is only a cap."""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class HardwareOptions:
    """`parameters` are FFmpeg's private options of this encoder, as `ffmpeg -h encoder=NAME` lists them."""

    profile: str = ""
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


def _nvenc(settings: EncoderSettings) -> dict[str, str]:
    rate_control = "cbr" if settings.rate_control == "cbr" else "vbr"
    return {"preset": "p4", "tune": "ull", "rc": rate_control, "zerolatency": "1", "delay": "0", "forced-idr": "1",
            "no-scenecut": "1", "strict_gop": "1"}  # fmt: skip


def _qsv(settings: EncoderSettings) -> dict[str, str]:
    return {"preset": "veryfast", "async_depth": "1", "look_ahead": "0", "forced_idr": "1", "adaptive_i": "0"}


def _amf(settings: EncoderSettings) -> dict[str, str]:
    rate_control = "cbr" if settings.rate_control == "cbr" else "vbr_latency"
    return {"usage": "ultralowlatency", "rc": rate_control, "forced_idr": "1", "header_spacing": "0"}


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
        codec="h264",
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
        name=name, parser=H264Parser, options=all_options, pixel_formats=("nv12", "yuv420p"), needs=needs
    )
    return _kind(encoding, title, priority, HardwareOptions)


LIBX264 = VideoEncoding(
    name="libx264",
    parser=H264Parser,
    options=_x264,
    pixel_formats=("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "nv12"),
    live_bitrate=True,
    constant_quality=True,
)

KINDS: Sequence[EncoderKind] = (
    _kind(LIBX264, "x264, in software", 10, X264Options, hardware=False),
    _hardware("h264_nvenc", "NVIDIA NVENC", 60, _NVIDIA, _nvenc),
    _hardware("h264_qsv", "Intel Quick Sync", 50, _INTEL, _qsv),
    _hardware("h264_videotoolbox", "Apple VideoToolbox", 50, _APPLE, _videotoolbox),
    _hardware("h264_amf", "AMD AMF", 40, _AMD, _amf),
    _hardware("h264_v4l2m2m", "V4L2 memory-to-memory", 30, _V4L2, _v4l2),
)
