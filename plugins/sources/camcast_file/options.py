"""What a user may say about a file source."""

from __future__ import annotations

import attrs

from camcast.options import Seconds


@attrs.frozen(kw_only=True)
class FileOptions:
    """How a file is played. Times are seconds."""

    loop: bool = False
    """Begin again at the end, without a step in the timestamps; otherwise the source ends there."""
    speed: float = attrs.field(default=1.0, validator=[attrs.validators.gt(0), attrs.validators.le(100)])
    """How fast packets are handed over. Timestamps stay the file's own."""
    start_at: Seconds = 0.0
    """Begin the first pass at the last keyframe at or before this time from the file's start."""
    burst: Seconds = attrs.field(default=0.0, validator=[attrs.validators.ge(0), attrs.validators.le(10)])
    """Hand over this much media at once before pacing begins."""
    cache: bool = True
    """Keep a small looped file in memory, shared by all sources that play it."""
