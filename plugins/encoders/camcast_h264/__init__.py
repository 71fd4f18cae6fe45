"""H.264 (AVC): the codec, and the encoders that FFmpeg has for it."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.bitstream.nal import to_annexb
from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind
from camcast.media import MediaKind, Packet
from camcast.pyav import AvDecoder
from camcast_h264.encoders import KINDS
from camcast_h264.flv import LEGACY
from camcast_h264.parser import H264Parser


def _annexb(packet: Packet) -> bytes:
    return to_annexb(packet.payload)


CODEC = CodecKind(
    name="h264",
    media=MediaKind.VIDEO,
    title="H.264 / AVC",
    aliases=("avc", "avc1"),
    parser=H264Parser,
    flv={"legacy": LEGACY},
    annexb=_annexb,
    decoder=lambda track: AvDecoder(track, "h264"),
)


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    return [CODEC]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    return KINDS
