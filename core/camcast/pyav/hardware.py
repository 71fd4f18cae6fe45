"""FFmpeg's hardware encoders of one codec, as kinds: one family a vendor, named PREFIX_FAMILY.

Rules: what can be asked for low delay, a fixed group of pictures and real keyframes on request, is asked for in each
family's own words. Pictures go in from ordinary memory. The bitrate changes by reopening at a keyframe.

Without such hardware only the asking can be tried; a kind's `probe` says on each machine whether it works. VA-API is
not among them: its encoders take pictures from the GPU's memory only, which PyAV cannot give them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from camcast.contracts import CodecParser, EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav.kinds import encoder_kind
from camcast.pyav.video import VideoEncoding


@attrs.frozen(kw_only=True)
class HardwareOptions:
    """`parameters` are FFmpeg's private options of this encoder, as `ffmpeg -h encoder=NAME` lists them."""

    profile: str = ""
    parameters: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class _Family:
    name: str
    title: str
    priority: int
    needs: str
    options: Mapping[str, str]
    constant: Mapping[str, str] = attrs.field(factory=dict)
    """In addition for constant bitrate; `variable` else."""
    variable: Mapping[str, str] = attrs.field(factory=dict)


_FAMILIES = (
    _Family(
        "nvenc",
        "NVIDIA NVENC",
        60,
        "an NVIDIA GPU and its driver (libcuda, libnvidia-encode)",
        {
            "preset": "p4",
            "tune": "ull",
            "zerolatency": "1",
            "delay": "0",
            "forced-idr": "1",
            "no-scenecut": "1",
            "strict_gop": "1",
        },
        {"rc": "cbr"},
        {"rc": "vbr"},
    ),
    _Family(
        "qsv",
        "Intel Quick Sync",
        50,
        "an Intel GPU, its media driver and the oneVPL runtime",
        {"preset": "veryfast", "async_depth": "1", "look_ahead": "0", "forced_idr": "1", "adaptive_i": "0"},
    ),
    _Family("videotoolbox", "Apple VideoToolbox", 50, "macOS", {"realtime": "1", "allow_sw": "0"}),
    _Family(
        "amf",
        "AMD AMF",
        40,
        "an AMD GPU and its AMF runtime",
        {"usage": "ultralowlatency", "forced_idr": "1"},
        {"rc": "cbr"},
        {"rc": "vbr_latency"},
    ),
    _Family(
        "v4l2m2m",
        "V4L2 memory-to-memory",
        30,
        "a V4L2 memory-to-memory encoder (/dev/video*), as a Raspberry Pi has",
        {},
    ),
)


def hardware_kinds(
    codec: str, prefix: str, parser: Callable[[bytes], CodecParser], pixel_formats: tuple[str, ...]
) -> Sequence[EncoderKind]:
    """A kind for each family; `prefix` is how FFmpeg begins their names for this codec."""
    return [_kind(family, codec, prefix, parser, pixel_formats) for family in _FAMILIES]


def _kind(
    family: _Family,
    codec: str,
    prefix: str,
    parser: Callable[[bytes], CodecParser],
    pixel_formats: tuple[str, ...],
) -> EncoderKind:
    def options(settings: EncoderSettings, limit: int) -> Mapping[str, str]:
        chosen = settings.options or HardwareOptions()
        control = family.constant if settings.rate_control == "cbr" else family.variable
        profile = {"profile": chosen.profile} if chosen.profile else {}
        return {**family.options, **control, **profile, **chosen.parameters}

    encoding = VideoEncoding(
        name=f"{prefix}_{family.name}",
        parser=parser,
        options=options,
        pixel_formats=pixel_formats,
        needs=family.needs,
    )
    return encoder_kind(encoding, codec, family.title, family.priority, HardwareOptions, hardware=True)
