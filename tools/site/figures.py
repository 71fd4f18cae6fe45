"""All figures for Prometheus, from the tables that make them."""

from __future__ import annotations

from collections.abc import Mapping

from tools.site.tables import code, table

from camcast_prometheus.families import (
    SERVICE,
    SERVICE_FIELDS,
    SESSION,
    SESSION_FIELDS,
    STREAM,
    STREAM_FIELDS,
    UPLINK,
    UPLINK_FIELDS,
    Shown,
)

GROUPS: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, Shown]]] = {
    "Sessions": ("camcast_session_", SESSION, SESSION_FIELDS),
    "Streams": ("camcast_stream_", STREAM, STREAM_FIELDS),
    "Uplinks": ("camcast_uplink_", UPLINK, UPLINK_FIELDS),
    "Services": ("camcast_service_", SERVICE, SERVICE_FIELDS),
}


def page() -> str:
    """The page."""
    lines = [
        "# Metrics",
        "",
        (
            "What `/metrics` holds for Prometheus ([how to use it](../monitoring.md)), with the field of the same "
            "figure in Python and in the HTTP API. Counters never fall, also where a session or a worker process "
            "begins anew. States are gauges with the label `is`: 1 for what it is, 0 for all else."
        ),
    ]
    for title, (prefix, labels, fields) in GROUPS.items():
        lines += ["", f"## {title}", "", f"Labels of all: {', '.join(map(code, labels))}.", ""]
        lines += table(
            ("metric", "type", "further labels", "field", "what it is"),
            (
                (
                    code(f"{prefix}{shown.name}{'_total' if shown.counter else ''}"),
                    "counter" if shown.counter else "gauge",
                    ", ".join(map(code, (*shown.labels, *shown.by))),
                    code(field),
                    shown.about,
                )
                for field, shown in fields.items()
            ),
        )
    return "\n".join(lines) + "\n"
