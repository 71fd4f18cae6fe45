"""The codec kind that both are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from camcast.bitstream.nal import to_annexb
from camcast.codec_kind import PictureOrder
from camcast.contracts import CodecParser
from camcast.kinds import CodecKind, FlvForm
from camcast.media import MediaKind, Packet, Track
from camcast.pyav import AvDecoder


def _annexb(packet: Packet) -> bytes:
    return to_annexb(packet.payload)


def codec_kind(
    name: str,
    title: str,
    parser: Callable[[bytes], CodecParser],
    flv: Mapping[str, FlvForm],
    *,
    aliases: tuple[str, ...],
    decoder: str,
    order: Callable[[Track], PictureOrder],
) -> CodecKind:
    """A kind whose packets are NAL units. `decoder` is FFmpeg's name for it."""
    return CodecKind(
        name=name,
        media=MediaKind.VIDEO,
        title=title,
        aliases=aliases,
        parser=parser,
        flv=flv,
        annexb=_annexb,
        decoder=lambda track: AvDecoder(track, decoder),
        order=order,
    )
