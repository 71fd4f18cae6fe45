"""What happened as plain values, for those who pass it on: log lines, messages, pages."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

import attrs

from camcast.events import Event, SessionKey


def event_fields(events: Iterable[Event]) -> dict[str, Any]:
    """The fields of what happened, as plain values; where several events are one happening, the first comes first.

    `event` is its name; a session's key is `camera_id`, `stream_id` and `output`. Without `time`, which each form of
    passing on has in its own way.
    """
    told = list(events)
    fields: dict[str, Any] = {"event": told[0].name} if told else {}
    for event in told:
        for name, value in attrs.asdict(event, recurse=False, filter=lambda field, _: field.name != "time").items():
            if isinstance(value, SessionKey):
                fields |= attrs.asdict(value)
            else:
                fields.setdefault(name, value.value if isinstance(value, Enum) else value)
    return fields
