"""FFmpeg's own AAC encoder (low complexity), mono or stereo; more channels are mixed down."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.contracts import Encoder, EncoderSettings
from camcast.kinds import EncoderKind
from camcast.pyav import AudioEncoding, AvAudioEncoder
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


def open_encoder(settings: EncoderSettings) -> Encoder:
    """Open it; raises `EncoderError`."""
    encoding = AudioEncoding(
        name="aac",
        parser=AacParser,
        options=_options,
        sample_rates=FREQUENCIES,
        default_bitrate=lambda rate, channels: min(_MAX_BITRATE, rate * 3) * channels,
    )
    return AvAudioEncoder(encoding, settings)


def probe() -> None:
    """Open and close it; raises `EncoderError`."""
    open_encoder(EncoderSettings(sample_rate=48_000, channels=2)).close()


KIND = EncoderKind(
    name="aac",
    codec=NAME,
    title="FFmpeg's native AAC encoder",
    options=AacOptions,
    probe=probe,
    open=open_encoder,
)
