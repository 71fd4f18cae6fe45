"""H.265 (HEVC): the codec, and the encoders that FFmpeg has for it."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind
from camcast_h265.encoders import KINDS
from camcast_h265.flv import ENHANCED, LEGACY
from camcast_h265.order import H265Order
from camcast_h265.parser import H265Parser
from camcast_kit_h26x.kind import codec_kind

CODEC = codec_kind(
    "h265",
    "H.265 / HEVC",
    H265Parser,
    {"enhanced": ENHANCED, "legacy": LEGACY},
    aliases=("hevc", "hvc1", "hev1"),
    decoder="hevc",
    order=H265Order,
)


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    return [CODEC]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    return KINDS
