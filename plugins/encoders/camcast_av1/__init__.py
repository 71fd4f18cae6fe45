"""AV1: the codec (OBUs, av1C, Enhanced FLV "av01"), and SVT-AV1 as encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from . import codec

    return [codec.KIND]
