"""VP9: the codec (superframes, vpcC, Enhanced FLV "vp09"), and libvpx as encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from . import codec

    return [codec.KIND]
