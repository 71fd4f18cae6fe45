"""Opus: the codec (OpusHead, Enhanced FLV), and libopus as encoder."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import CodecKind, EncoderKind


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    from camcast_opus import codec

    return [codec.KIND]


@hookimpl
def camcast_encoders() -> Sequence[EncoderKind]:
    from camcast_opus import encoder

    return [encoder.KIND]
