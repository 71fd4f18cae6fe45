"""Where two configurations differ, by place and never by value: values may be secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from camcast.config import CameraConfig, SessionConfig, StreamConfig, UplinkConfig
from camcast.config.rules import key_of

MOST = 3
"""Places that are named one by one, of what is made anew; of what goes on, each is."""


def told(places: Iterable[str], most: int = MOST) -> str:
    """The places in one line; "" for none."""
    found = list(places)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


ADOPTED = frozenset(
    {
        "adapt",
        "allow_redirect_hosts",
        "auto_reconnect",
        "camera_name",
        "failback_after",
        "idle_timeout",
        "max_moves_per_hour",
        "priority",
        "queue",
        "replay",
        "replay_max",
        "retry_policy",
        "rotate_every",
        "schedule",
        "stall_timeout",
        "stream_name",
        "uplink",
    }
)
"""What a session takes over while it is on the air: nothing that is published depends on it. An uplink only where
it goes out alike (`goes_out_alike`)."""
_OF_STREAMS = re.compile(r"name|encoder\.bitrate|source\.retry_policy\..+")
"""What a stream takes over while its source and its encoders run."""
_CONNECT_TIMEOUT = re.compile(r"targets\[\d+\]\.connect_timeout")


def adopted(place: str) -> bool:
    """Whether a session can take over what differs at this place, as it is."""
    return place.partition(".")[0] in ADOPTED or _CONNECT_TIMEOUT.fullmatch(place) is not None


def goes_out_alike(
    old: SessionConfig, before: Mapping[str, UplinkConfig], new: SessionConfig, after: Mapping[str, UplinkConfig]
) -> bool:
    """Whether its connections would go out through the same network interface over another uplink: they are bound to
    it where they begin."""
    if old.uplink == new.uplink or all(target.bind is not None for target in new.targets):
        return True
    first, second = before.get(old.uplink), after.get(new.uplink)
    return (first.interface if first is not None else None) == (second.interface if second is not None else None)


def adopted_by_stream(place: str) -> bool:
    """Whether a stream can take over what differs at this place, as it is."""
    return _OF_STREAMS.fullmatch(place) is not None


def whole(old: CameraConfig, new: CameraConfig) -> Iterator[str]:
    """What decides that a whole camera must be restarted: where it may run."""
    if {one.source.type for one in streams(old).values()} != {one.source.type for one in streams(new).values()}:
        yield "the kinds of its sources"


def streams(camera: CameraConfig) -> dict[int, StreamConfig]:
    """The enabled streams by id, without their sessions."""
    return {one.stream_id: attrs.evolve(one, sessions=()) for one in camera.streams if one.enabled}


def places(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Paths such as `targets[0].url`, below `path`, at which the two are not equal."""
    if old == new:
        return
    if attrs.has(type(old)) and type(old) is type(new):
        for field in (one for one in attrs.fields(type(old)) if one.eq):
            yield from places(
                getattr(old, field.name), getattr(new, field.name), f"{path}.{key_of(field)}" if path else key_of(field)
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
