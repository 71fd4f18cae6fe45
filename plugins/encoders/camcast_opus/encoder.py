"""libopus: 20 ms packets at 48 kHz, mono or stereo; more channels are mixed down."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.contracts import EncoderSettings
from camcast.pyav import AudioEncoding, audio_encoder_kind
from camcast_opus.codec import NAME, OpusParser
from camcast_opus.head import RATE


@attrs.frozen(kw_only=True)
class OpusOptions:
    """Of libopus."""

    application: str = attrs.field(default="audio", validator=attrs.validators.in_(("audio", "voip", "lowdelay")))
    frame_duration: float = attrs.field(default=20, validator=attrs.validators.in_((5, 10, 20, 40, 60)))
    """ms of sound in a packet."""


def _options(settings: EncoderSettings) -> Mapping[str, str]:
    options = settings.options or OpusOptions()
    return {
        "application": options.application,
        "frame_duration": f"{options.frame_duration:g}",
        "vbr": "off" if settings.rate_control == "cbr" else "on",
    }


ENCODING = AudioEncoding(
    name="libopus",
    parser=OpusParser,
    options=_options,
    sample_rates=(RATE,),
    default_bitrate=lambda rate, channels: 48_000 * channels,
)

KIND = audio_encoder_kind(ENCODING, NAME, "libopus", options=OpusOptions)
