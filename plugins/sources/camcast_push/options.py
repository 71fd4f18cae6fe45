"""What a user or embedder may say about a push source. Picture size and rate come with the media itself."""

from __future__ import annotations

import attrs

FORMATS = ("bgr24", "rgb24", "yuv420p", "nv12", "gray")


@attrs.frozen(kw_only=True)
class PushOptions:
    """What will be pushed."""

    video: str = "h264"
    """Codec of pushed video packets, "raw" when frames are pushed, "" when there is no video."""
    audio: str = ""
    """The same for sound; "" = none."""
    format: str = attrs.field(default="bgr24", validator=attrs.validators.in_(FORMATS))
    """What arrays given to `frame` hold."""
    sample_rate: int = attrs.field(default=48_000, validator=[attrs.validators.ge(8000), attrs.validators.le(192_000)])
    """Of arrays given to `audio`."""
    queue: int = attrs.field(default=64, validator=[attrs.validators.ge(1), attrs.validators.le(2000)])
    """The most units from other threads that may wait for the loop; beyond that, pushing says no."""
