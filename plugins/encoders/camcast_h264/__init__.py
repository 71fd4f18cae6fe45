"""H.264 (AVC): the codec, and the encoders that FFmpeg has for it."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind
from camcast_h264.encoders import KINDS
from camcast_h264.flv import ENHANCED, LEGACY
from camcast_h264.order import H264Order
from camcast_h264.parser import H264Parser
from camcast_kit_h26x.kind import codec_kind

CODEC = codec_kind(
    "h264",
    "H.264 / AVC",
    H264Parser,
    {"legacy": LEGACY, "enhanced": ENHANCED},
    aliases=("avc", "avc1"),
    decoder="h264",
    order=H264Order,
)


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    return [CODEC]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    return KINDS
