"""libvpx for live VP9. Slow: at 1080p30 two cores are hardly enough, and nothing is left for anything else.

The bitrate changes by reopening at a keyframe.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from camcast.contracts import EncoderSettings
from camcast.pyav import VideoEncoding, encoder_kind
from camcast_vp9.codec import NAME, Vp9Parser


@attrs.frozen(kw_only=True)
class VpxOptions:
    """Of libvpx."""

    cpu_used: int = attrs.field(default=8, validator=[attrs.validators.ge(0), attrs.validators.le(8)])
    """Higher is faster and looks worse."""


def _options(settings: EncoderSettings, limit: int) -> Mapping[str, str]:
    options = settings.options or VpxOptions()
    live = {
        "deadline": "realtime",
        "cpu-used": str(options.cpu_used),
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "row-mt": "1",
    }
    # Equal rates are how FFmpeg asks for constant bitrate.
    return live | {"minrate": str(limit), "maxrate": str(limit)} if settings.rate_control == "cbr" else live


ENCODING = VideoEncoding(name="libvpx-vp9", parser=Vp9Parser, options=_options)

KIND = encoder_kind(ENCODING, NAME, "libvpx VP9 (slow)", 0, VpxOptions)
