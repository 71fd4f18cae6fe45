"""VP9: the codec (superframes, vpcC, Enhanced FLV "vp09"), and libvpx as encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_vp9 import codec

    return [codec.KIND]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    from camcast_vp9 import encoder

    return [encoder.KIND]
