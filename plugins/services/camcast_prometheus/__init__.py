"""All figures of an engine, for Prometheus to scrape. See `families.py` for what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.hooks import hookimpl
from camcast.kinds import ServiceKind
from camcast_prometheus.options import PrometheusOptions, available, check
from camcast_prometheus.service import Prometheus


@hookimpl
def camcast_services() -> Sequence[ServiceKind]:
    return [
        ServiceKind(
            name="prometheus",
            title="Figures for Prometheus, at /metrics",
            build=Prometheus,
            options=PrometheusOptions,
            available=available,
            check=check,
        )
    ]
