"""FFmpeg's own AAC encoder (low complexity), mono or stereo; more channels are mixed down."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.contracts import EncoderSettings
from camcast.pyav import AudioEncoding, audio_encoder_kind
from camcast_aac.codec import NAME, AacParser
from camcast_aac.config import FREQUENCIES

_MAX_BITRATE = 64_000
"""bit/s per channel where nothing else is asked for; low sampling rates get less."""


@attrs.frozen(kw_only=True)
class AacOptions:
    """Of FFmpeg's encoder."""

    coder: str = attrs.field(default="twoloop", validator=attrs.validators.in_(("twoloop", "fast")))
    """"twoloop" sounds better, "fast" costs less."""


def _options(settings: EncoderSettings) -> Mapping[str, str]:
    options = settings.options or AacOptions()
    return {"aac_coder": options.coder}


ENCODING = AudioEncoding(
    name="aac",
    parser=AacParser,
    options=_options,
    sample_rates=FREQUENCIES,
    default_bitrate=lambda rate, channels: min(_MAX_BITRATE, rate * 3) * channels,
)

KIND = audio_encoder_kind(ENCODING, NAME, "FFmpeg's native AAC encoder", options=AacOptions)
