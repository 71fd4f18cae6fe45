"""JPEG, MPEG-1, -2 and -4, H.263, VP8, Sorenson, as older cameras and files bring them: decoded only."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_oldvideo import codec

    return codec.KINDS
