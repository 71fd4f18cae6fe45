"""AAC: the codec (AudioSpecificConfig, ADTS, FLV sound format 10), and FFmpeg's own encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_aac import codec

    return [codec.KIND]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    from camcast_aac import encoder

    return [encoder.KIND]
