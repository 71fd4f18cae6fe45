"""H.265 (HEVC): the codec, and the encoders that FFmpeg has for it."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.bitstream.nal import to_annexb
from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind
from camcast.media import MediaKind, Packet
from camcast.pyav import AvDecoder
from camcast_h265.encoders import KINDS
from camcast_h265.flv import ENHANCED, LEGACY
from camcast_h265.parser import H265Parser


def _annexb(packet: Packet) -> bytes:
    return to_annexb(packet.payload)


CODEC = CodecKind(
    name="h265",
    media=MediaKind.VIDEO,
    title="H.265 / HEVC",
    aliases=("hevc", "hvc1", "hev1"),
    parser=H265Parser,
    flv={"enhanced": ENHANCED, "legacy": LEGACY},
    annexb=_annexb,
    decoder=lambda track: AvDecoder(track, "hevc"),
)


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    return [CODEC]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    return KINDS
