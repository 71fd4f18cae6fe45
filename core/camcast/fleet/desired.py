"""What is desired, read: each camera with where it may be placed, and a digest that tells whether it has changed.

```
{"fleet": {"rules": [{"cameras": "hall-*", "weight": 4, "labels": {"gpu": "yes"}, "near": {"site": "a"}}]},
 "cameras": [...]}
```

A rule is for the cameras whose name (or number) fits its pattern; of several that fit, a later one's keys win.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from hashlib import blake2b
from typing import Any

import attrs

from camcast.coordinators import Desired
from camcast.errors import ConfigError
from camcast.fleet.placement import Wanted
from camcast.structure import make_converter, structure

MOST_WEIGHT = 1000.0
_converter = cache(make_converter)
"""One for all that is read: it compiles code for each kind of thing, which takes longer than reading it."""


def _weight(_: object, __: object, value: float) -> None:
    if not 0 < value <= MOST_WEIGHT:
        raise ValueError(f"weight: expected a number above 0, up to {MOST_WEIGHT:g}, got {value:g}")


@attrs.frozen(kw_only=True)
class Rule:
    """Where some cameras may be placed."""

    cameras: str
    """Their name or number, or a pattern such as `hall-*`."""
    weight: float | None = attrs.field(default=None, validator=attrs.validators.optional(_weight))
    """What each takes of a member's capacity; 1 where nothing is said."""
    labels: dict[str, str] | None = None
    """That a member must have."""
    near: dict[str, str] | None = None
    """That a member should have: one with room is preferred."""
    not_with: list[str] | None = None
    """Names of cameras, or patterns, that may not be on the same member."""

    overlap: bool | None = None
    """Whether a camera that moves begins on the new member before it ends on the old one: where the destination lets
    two publish one name, or lets the newcomer in."""

    def fits(self, camera_id: int, name: str) -> bool:
        """Whether it is for this camera."""
        return fnmatchcase(name, self.cameras) or self.cameras == str(camera_id)


@attrs.frozen(kw_only=True)
class Rules:
    """A file's "fleet"."""

    rules: list[Rule] = attrs.field(factory=list)


@attrs.frozen
class Cameras:
    """Of one version: by number, where each may be, its digest, and what a configuration says of it."""

    version: int = 0
    wanted: Mapping[int, Wanted] = attrs.field(factory=dict)
    specs: Mapping[int, str] = attrs.field(factory=dict)
    written: Mapping[int, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)
    overlap: frozenset[int] = frozenset()
    """Those that begin elsewhere before they end."""


def rules_of(mapping: Mapping[str, Any]) -> Sequence[Rule]:
    """The rules in a file's "fleet". Raises `ConfigError`."""
    return structure(_converter(), mapping.get("fleet", {}), Rules, "fleet").rules


def cameras_of(desired: Desired | None) -> Cameras:
    """What is desired. Raises `ConfigError` for what nobody who checked it would have put there."""
    if desired is None:
        return Cameras()
    rules = rules_of(desired.mapping)
    written = {}
    try:
        for camera in desired.mapping.get("cameras", ()):
            if camera.get("enabled", True):
                written[int(camera["camera_id"])] = camera
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ConfigError(f"cameras of version {desired.version} are none: expected objects with a camera_id") from None
    return Cameras(
        version=desired.version,
        wanted={number: _wanted(number, str(camera.get("name", "")), rules) for number, camera in written.items()},
        specs={number: digest(camera) for number, camera in written.items()},
        written=written,
        overlap=frozenset(one for one, camera in written.items() if _overlaps(one, str(camera.get("name", "")), rules)),
    )


def digest(camera: Mapping[str, Any]) -> str:
    """The same for the same camera, however its keys are ordered."""
    return blake2b(json.dumps(camera, sort_keys=True).encode(), digest_size=12).hexdigest()


def _overlaps(camera_id: int, name: str, rules: Sequence[Rule]) -> bool:
    said = [rule.overlap for rule in rules if rule.overlap is not None and rule.fits(camera_id, name)]
    return bool(said and said[-1])


def _wanted(camera_id: int, name: str, rules: Sequence[Rule]) -> Wanted:
    said: dict[str, Any] = {}
    for rule in rules:
        if rule.fits(camera_id, name):
            for key in ("weight", "labels", "near", "not_with"):
                if (value := getattr(rule, key)) is not None:
                    said[key] = tuple(value) if key == "not_with" else value
    return Wanted(camera_id=camera_id, name=name or str(camera_id), **said)
