"""Where two configurations differ, by place and never by value: values may be secret. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from camcast.config import CameraConfig, StreamConfig

MOST = 3
"""Places that are named one by one."""


def told(places: Iterable[str]) -> str:
    """The places in one line; "" for none."""
    found = list(places)
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return ", ".join(found[:MOST]) + more


def camera_places(old: CameraConfig, new: CameraConfig) -> Iterator[str]:
    """What decides whether a camera must be restarted: its name, and its streams without their sessions."""
    if old.name != new.name:
        yield "name"
    before, after = _streams(old), _streams(new)
    for number in sorted(before.keys() | after.keys()):
        if number not in after:
            yield f"{before[number].name} removed"
        elif number not in before:
            yield f"{after[number].name} added"
        else:
            yield from places(before[number], after[number], before[number].name)


def _streams(camera: CameraConfig) -> dict[int, StreamConfig]:
    return {one.stream_id: attrs.evolve(one, sessions=()) for one in camera.streams if one.enabled}


def places(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths such as `targets[0].url`, below `path`, at which the two are not equal."""
    if old == new:
        return
    if attrs.has(type(old)) and type(old) is type(new):
        for field in (one for one in attrs.fields(type(old)) if one.eq):
            yield from places(
                getattr(old, field.name), getattr(new, field.name), f"{path}.{field.name}" if path else field.name
            )
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from places(old.get(key), new.get(key), f"{path}.{key}")
    elif _rows(old) and _rows(new) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from places(one, other, f"{path}[{index}]")
    else:
        yield path


def _rows(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
