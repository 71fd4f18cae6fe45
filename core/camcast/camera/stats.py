"""Everything that an engine knows of itself at one moment."""

from __future__ import annotations

import attrs

from camcast.camera.stream import StreamMetrics
from camcast.session.metrics import SessionMetrics, Totals


@attrs.frozen(kw_only=True)
class Stats:
    """Everything at one moment. Holds no secret."""

    uptime: float
    sessions: tuple[SessionMetrics, ...]
    streams: tuple[StreamMetrics, ...]
    totals: Totals
