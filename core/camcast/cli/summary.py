"""What a run came to: the figures printed at its end, and whether it was healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from camcast.engine import Stats
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics


@attrs.frozen
class Summary:
    """Printed as it is by `--json`."""

    healthy: bool
    """Whether every session was healthy at the end, or waited for nothing but media that does not come any more."""
    seconds: float
    totals: Mapping[str, Any]
    sessions: list[Mapping[str, Any]]
    streams: list[Mapping[str, Any]]

    @property
    def text(self) -> str:
        """One line."""
        totals = self.totals
        bad = [session for session in self.sessions if not sound(session)]
        names = f": {', '.join(str(session['label']) for session in bad)}" if bad else ""
        waiting = sum(session["health"] == Health.WAITING.value for session in self.sessions)
        names += f", {waiting} {Health.WAITING.value}" if waiting else ""
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
        healthy=bool(sessions) and all(sound(session) for session in sessions),
        seconds=round(before.uptime, 3),
        totals=attrs.asdict(after.totals) | _present(before.totals, "active", "bitrate", "average_latency"),
        sessions=sessions,
        streams=[attrs.asdict(stream, value_serializer=_value) for stream in before.streams],
    )


def _session(before: SessionMetrics, after: SessionMetrics) -> Mapping[str, Any]:
    present = (
        "bitrate",
        "fps",
        "lag",
        "latency",
        "latency_inside",
        "latency_way",
        "pending",
        "transport",
        "uptime",
        "downtime",
        "waiting",
        "unconfirmed",
        "platform",
        "platform_differences",
        "platform_reason",
        "bitrate_target",
        "bitrate_reason",
        "picture",
        "picture_reason",
        "uplink_share",
        "schedule",
        "schedule_change_at",
    )
    fields = attrs.asdict(after, recurse=False) | _present(before, *present)
    return fields | {
        "key": str(before.key),
        "state": before.state.value,
        "health": before.health.value,
        "healthy": before.healthy,
    }


def sound(session: Mapping[str, Any]) -> bool:
    """Whether nothing was wrong with it at the end: it was healthy, had sent all that its source had to give, or was
    off by its schedule."""
    wrong = session["health"] in (Health.UNHEALTHY.value, Health.UNCONFIRMED.value)
    off = session["health"] == Health.SCHEDULED_OFF.value
    return bool(session["healthy"] or off or (not wrong and session["frames_sent"] > 0))


def _present(snapshot: object, *names: str) -> dict[str, Any]:
    """Figures of the moment, which the end has made zero."""
    return {name: getattr(snapshot, name) for name in names}


def _value(_owner: object, _field: object, value: Any) -> Any:
    return getattr(value, "value", value)
