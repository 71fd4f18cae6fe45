"""What happened as plain values, for those who pass it on: log lines, messages, an interface."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import attrs

from camcast.events import Event, SessionKey

_AS_THEY_ARE = (str, int, bool, type(None))


def plain(value: Any) -> Any:
    """`value` in JSON's terms: keys of sessions as "camera/stream/output", words for what is one of several."""
    # Nearly all are one of these, and pages ask for thousands at a time.
    if type(value) in _AS_THEY_ARE:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, SessionKey):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    of: Any = type(value)
    if names := _names(of):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@functools.cache
def _names(of: Any) -> tuple[str, ...]:
    """Of a class's fields; none of one that is no attrs class. Programs have few classes, so few are kept."""
    return tuple(field.name for field in attrs.fields(of)) if attrs.has(of) else ()


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
                fields.setdefault(name, plain(value))
    return fields
