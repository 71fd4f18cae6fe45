"""What a user may say about a test source. Picture size and rate come from the stream's encoder settings."""

from __future__ import annotations

import attrs

PATTERNS = ("smpte", "bars", "moving", "plain")


@attrs.frozen(kw_only=True)
class PictureOptions:
    """The picture and the sound."""

    pattern: str = attrs.field(default="smpte", validator=attrs.validators.in_(PATTERNS))
    """"smpte" and "bars" with a box that moves, "moving" all over (harder to encode), or "plain" grey."""
    tone: float = attrs.field(default=0.0, validator=[attrs.validators.ge(0), attrs.validators.le(20_000)])
    """Hz, rounded to whole ones; 0 = no sound track."""
    channels: int = attrs.field(default=2, validator=attrs.validators.in_((1, 2)))
    sample_rate: int = attrs.field(default=48_000, validator=attrs.validators.in_((16_000, 32_000, 44_100, 48_000)))
    strip: bool = True
    """Draw the strip that `camcast.testing.strip` reads."""
    text: bool = True
    """Draw camera name, frame number and clock."""
