"""SVT-AV1 for live pictures: low delay, one temporal unit out for each frame in.

In low delay SVT-AV1 knows constant bitrate only. "vbr" and "avbr" are the same control with a buffer of two seconds
instead of one. The bitrate changes by reopening at a keyframe. At 1080p30 it takes two cores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import attrs

from camcast.contracts import EncoderSettings
from camcast.errors import EncoderError
from camcast.pyav import AvVideoEncoder, VideoEncoding, encoder_kind
from camcast_av1.codec import NAME, Av1Parser


@attrs.frozen(kw_only=True)
class SvtAv1Options:
    """Of SVT-AV1."""

    preset: int = attrs.field(default=11, validator=[attrs.validators.ge(5), attrs.validators.le(13)])
    """Higher is faster and looks worse."""
    threads: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    """SVT-AV1's level of parallelism, 1 to 6; 0 lets it choose."""


def _options(settings: EncoderSettings, limit: int) -> Mapping[str, str]:
    options = settings.options or SvtAv1Options()
    parameters = "pred-struct=1:rtc=1"
    if options.threads:
        parameters += f":lp={options.threads}"
    return {
        "preset": str(options.preset),
        "svtav1-params": parameters,
        # Equal rates are how FFmpeg asks for constant bitrate.
        "maxrate": str(limit),
        "bufsize": str(limit if settings.rate_control == "cbr" else 2 * limit),
    }


class SvtAv1Encoder(AvVideoEncoder):
    """Keeps the library from writing on stderr: its whole configuration at each opening, and a complaint at closing
    where it was not told the end."""

    def __init__(self, encoding: VideoEncoding, settings: EncoderSettings) -> None:
        os.environ.setdefault("SVT_LOG", "1")  # errors are enough
        super().__init__(encoding, settings)

    def close(self) -> None:
        with contextlib.suppress(EncoderError):
            self.flush()
        super().close()


ENCODING = VideoEncoding(name="libsvtav1", parser=Av1Parser, options=_options, pixel_formats=("yuv420p", "yuv420p10le"))

KIND = encoder_kind(ENCODING, NAME, "SVT-AV1", 10, SvtAv1Options, encoder=SvtAv1Encoder)
