"""The codec kinds: one table, one parser.

No target takes these, so they are always made another codec; all that is needed of a picture is whether a decoder can
begin at it, and how large it is where that is easily seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs

from camcast.contracts import Decoder
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet, Track
from camcast_oldvideo.order import ReferenceOrder
from camcast_oldvideo.pictures import Picture, h263, jpeg, mpeg2, mpeg4, sorenson, vp8

Look = Callable[[bytes], Picture]


@attrs.frozen
class _Row:
    name: str
    """Also FFmpeg's name of the decoder."""
    title: str
    look: Look
    aliases: tuple[str, ...]
    reorder: int = 0
    """Pictures that may be shown out of decode order: one, where there are B-pictures."""


_TABLE = (
    _Row("mjpeg", "JPEG", jpeg, ("jpeg", "mjpg")),
    _Row("mpeg4", "MPEG-4 part 2 (DivX, Xvid)", mpeg4, ("mp4v", "mp4v-es"), reorder=1),
    _Row("mpeg2video", "MPEG-2", mpeg2, ("mpeg2",), reorder=1),
    _Row("mpeg1video", "MPEG-1", mpeg2, ("mpeg1", "mpegvideo"), reorder=1),
    _Row("h263", "H.263", h263, ("h263p", "h263-1998", "h263-2000")),
    _Row("flv1", "Sorenson H.263 (Flash)", sorenson, ("flv", "sorenson")),
    _Row("vp8", "VP8", vp8, ("libvpx",)),
)


class PictureParser:
    """Implements `contracts.CodecParser`: passes pictures on, and says which of them are keyframes."""

    def __init__(self, row: _Row, config: bytes) -> None:
        self._look = row.look
        self._track: Track | None = Track(
            kind=MediaKind.VIDEO,
            codec=row.name,
            config=config,
            reorder=row.reorder,
            details={"reorder_stated": False},
        )
        self.counts: Counter[str] = Counter()

    @property
    def track(self) -> Track | None:
        return self._track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        """One picture. Raises `MediaError` for what is none."""
        payload = data if type(data) is bytes else bytes(data)
        try:
            picture = self._look(payload)
        except IndexError:
            raise MediaError(f"a picture of {len(payload)} bytes ends in its header") from None
        assert self._track is not None
        if picture.width and (picture.width, picture.height) != (self._track.width, self._track.height):
            self._track = attrs.evolve(self._track, width=picture.width, height=picture.height)
        return Packet(self._track, dts, pts, picture.keyframe, payload, arrival=arrival)


def _kind(row: _Row) -> CodecKind:
    def decoder(track: Track) -> Decoder:
        from camcast.pyav import AvDecoder

        return AvDecoder(track, row.name)

    return CodecKind(
        name=row.name,
        media=MediaKind.VIDEO,
        title=row.title,
        aliases=row.aliases,
        parser=lambda config: PictureParser(row, config),
        decoder=decoder,
        order=(lambda track: ReferenceOrder(row.look)) if row.reorder else None,
    )


KINDS = tuple(map(_kind, _TABLE))
