"""How values of the engine are written in JSON, and the schema of that, both by the classes that the code uses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import attrs

from camcast.config.options_schema import options_schema
from camcast.event_fields import plain
from camcast.events import Event

KEY_SCHEMA = {"type": "string", "description": "camera/stream/output"}


def event_form(number: int, event: Event) -> dict[str, Any]:
    """An event: what all have, and its own fields in `fields`."""
    own = {field.name for field in attrs.fields(type(event))} - {"label", "time", "level"}
    return {
        "id": number,
        "name": event.name,
        "level": event.level,
        "time": event.time,
        "label": event.label,
        "text": event.text,
        "fields": {name: plain(getattr(event, name)) for name in sorted(own)},
    }


def missed_form(number: int, count: int, when: float) -> dict[str, Any]:
    """In an event's form: `count` events up to `number` cannot be given any more. Seconds since 1970."""
    return {
        "id": number,
        "name": "Missed",
        "level": "warning",
        "time": when,
        "label": "",
        "text": f"{count} events up to here are missing: too many have happened since to keep them",
        "fields": {"missed": count},
    }


EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "id": {
            "type": "integer",
            "description": "Rises by one, by more where some are missing; begins anew with each start of the service.",
        },
        "name": {"type": "string"},
        "level": {"enum": ["debug", "info", "warning", "error", "critical"]},
        "time": {"type": "number", "description": "Seconds since 1970."},
        "label": {"type": "string"},
        "text": {"type": "string", "description": "For people."},
        "fields": {"type": "object", "description": "For programs: the event's own fields."},
    },
    "required": ["id", "name", "level", "time", "label", "text", "fields"],
    "additionalProperties": False,
}


def schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of what `plain` makes of an instance of `cls`."""
    found = options_schema(cls)
    for field in attrs.fields(cls):
        if field.name == "key":
            found["properties"]["key"] = dict(KEY_SCHEMA)
        found["properties"][field.alias].pop("default", None)
    found["required"] = [field.alias for field in attrs.fields(cls)]
    return found


def extended(base: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The schema `base` with more properties, all of them required."""
    properties = {**base["properties"], **more}
    return {**base, "properties": properties, "required": list(properties)}


def fields(value: Any) -> dict[str, Any]:
    """The fields of an attrs instance as they are; whoever writes them makes them plain."""
    of: Any = type(value)
    names, get = _fields(of)
    return dict(zip(names, get(value), strict=True))


@functools.cache
def _fields(of: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in attrs.fields(of))
    return names, attrgetter(*names)


def closed(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object with these properties, all of them required, and no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def listed(of: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": of}
