"""A fleet's store in NATS: records in a JetStream key-value bucket. See `coordinator.py`."""

from __future__ import annotations

from collections.abc import Sequence

from camcast.coordinators import Coordinator, CoordinatorContext
from camcast.hooks import hookimpl
from camcast.kinds import CoordinatorKind
from camcast_nats.options import NatsOptions, available


def _build(context: CoordinatorContext) -> Coordinator:
    available()
    from camcast_nats.coordinator import NatsCoordinator

    return NatsCoordinator(context)


@hookimpl
def camcast_coordinators() -> Sequence[CoordinatorKind]:
    return [
        CoordinatorKind(
            name="nats",
            title="NATS JetStream",
            schemes=("nats", "tls"),
            build=_build,
            options=NatsOptions,
            available=available,
        )
    ]
