"""MP3, MP2 and the other compressed audio that files and cameras bring: all decoded, MP3 also carried in FLV."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_mpegaudio import codec, others

    return [*codec.KINDS, *others.KINDS]
