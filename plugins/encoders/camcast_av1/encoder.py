"""SVT-AV1 for live pictures: low delay, one temporal unit out for each frame in.

In low delay SVT-AV1 knows constant bitrate only. "vbr" and "avbr" are the same control with a buffer of two seconds
instead of one. The bitrate changes by reopening at a keyframe. At 1080p30 it takes two cores.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import attrs

from camcast.contracts import Encoder, EncoderSettings
from camcast.errors import EncoderError
from camcast.kinds import EncoderKind
from camcast.pyav import AvVideoEncoder, VideoEncoding, probe_video
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
    """Tells the library the end before closing, of which it complains on stderr otherwise."""

    def close(self) -> None:
        with contextlib.suppress(EncoderError):
            self.flush()
        super().close()


def _encoder(settings: EncoderSettings) -> Encoder:
    return SvtAv1Encoder(_encoding(), settings)


def _probe() -> None:
    probe_video(_encoding())


def _encoding() -> VideoEncoding:
    # The library tells its whole configuration on stderr at each opening; errors are enough.
    os.environ.setdefault("SVT_LOG", "1")
    return VideoEncoding(name="libsvtav1", parser=Av1Parser, options=_options, pixel_formats=("yuv420p", "yuv420p10le"))


KIND = EncoderKind(
    name="libsvtav1",
    codec=NAME,
    title="SVT-AV1",
    priority=10,
    options=SvtAv1Options,
    probe=_probe,
    open=_encoder,
)
