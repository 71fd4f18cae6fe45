"""What two versions of what is desired differ in, a line each, for people: what may be a secret is hidden already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 60
"""Characters of a value."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Both as `camcast.config.shown` gives them, with "fleet" beside "cameras"."""
    old, new = _cameras(before), _cameras(after)
    for number in sorted(old.keys() | new.keys()):
        if number not in new:
            yield f"- camera {number} {old[number].get('name', '')}".rstrip()
        elif number not in old:
            yield f"+ camera {number} {new[number].get('name', '')}".rstrip()
        else:
            for line in _changed(old[number], new[number], ""):
                yield f"~ camera {number}: {line}"
    for line in _changed(before.get("fleet", {}), after.get("fleet", {}), "fleet"):
        yield f"~ {line}"


def _cameras(mapping: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    return {camera["camera_id"]: camera for camera in mapping.get("cameras", ())}


def _changed(old: Any, new: Any, path: str) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _changed(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _changed(one, other, f"{path}[{index}]")
    else:
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
