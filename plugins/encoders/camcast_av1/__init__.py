"""AV1: the codec (OBUs, av1C, Enhanced FLV "av01"), and SVT-AV1 as encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_av1 import codec

    return [codec.KIND]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    from camcast_av1 import encoder

    return [encoder.KIND]
