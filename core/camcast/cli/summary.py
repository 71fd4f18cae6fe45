"""What a run came to: the figures printed at its end, and whether it was healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from camcast.engine import Stats
from camcast.events import SessionState
from camcast.session.metrics import SessionMetrics

_SOUND = (SessionState.CONNECTED, SessionState.DISCONNECTED)


@attrs.frozen
class Summary:
    """Printed as it is by `--json`."""

    healthy: bool
    seconds: float
    totals: Mapping[str, Any]
    sessions: list[Mapping[str, Any]]
    streams: list[Mapping[str, Any]]

    @property
    def text(self) -> str:
        """One line."""
        totals = self.totals
        bad = [session for session in self.sessions if not session["healthy"]]
        names = f": {', '.join(str(session['label']) for session in bad)}" if bad else ""
        return (
            f"{len(self.sessions)} sessions, {len(bad)} not healthy{names}; {self.seconds:.1f} s, "
            f"{totals['bytes_sent'] / 1e6:.1f} MB and {totals['frames_sent']} frames sent, "
            f"{totals['frames_dropped']} dropped, {totals['failed_attempts']} of {totals['attempts']} attempts failed"
        )


def summarise(before: Stats, after: Stats) -> Summary:
    """`before`: when the end was asked for; `after`: when all sessions had ended and everything was counted."""
    ends = {metrics.key: metrics for metrics in after.sessions}
    sessions = [_session(metrics, ends.get(metrics.key, metrics)) for metrics in before.sessions]
    return Summary(
        healthy=bool(sessions) and all(session["healthy"] for session in sessions),
        seconds=round(before.uptime, 3),
        totals=attrs.asdict(after.totals) | _present(before.totals, "active", "bitrate", "average_latency"),
        sessions=sessions,
        streams=[attrs.asdict(stream, value_serializer=_value) for stream in before.streams],
    )


def _session(before: SessionMetrics, after: SessionMetrics) -> Mapping[str, Any]:
    # Healthy: it has published, and at the end it was publishing or only waiting for media.
    healthy = before.state in _SOUND and after.frames_sent > 0
    present = ("bitrate", "fps", "lag", "latency", "pending", "transport", "uptime", "downtime")
    fields = attrs.asdict(after, recurse=False) | _present(before, *present)
    return fields | {"key": str(before.key), "state": before.state.value, "healthy": healthy}


def _present(snapshot: object, *names: str) -> dict[str, Any]:
    """Figures of the moment, which the end has made zero."""
    return {name: getattr(snapshot, name) for name in names}


def _value(_owner: object, _field: object, value: Any) -> Any:
    return getattr(value, "value", value)
