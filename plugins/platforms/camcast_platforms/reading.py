"""`platforms.toml` as `Platform`s. A figure without a source, or a source that nobody names, is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from camcast.kinds import BitrateRange, Figure, Platform, Reading

_PLAIN = ("title", "domains", "schemes")
"""What is no figure, so it needs no source."""


def read(text: str | None = None) -> Sequence[Platform]:
    """The platforms of `text`, which is TOML; None = those that are known here. Raises `ValueError`."""
    if text is None:
        text = (files(__package__) / "platforms.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    sources = {name: Reading(**fields) for name, fields in data["sources"].items()}
    found = [_platform(name, fields, sources) for name, fields in data["platforms"].items()]
    named = {page for one in found for figure in one.figures().values() for page in figure.pages}
    if idle := sorted(name for name, source in sources.items() if source not in named):
        raise ValueError(f"no figure names these sources: {', '.join(idle)}")
    return found


def _platform(name: str, fields: Mapping[str, Any], sources: Mapping[str, Reading]) -> Platform:
    plain: dict[str, Any] = {key: _frozen(value) for key, value in fields.items() if key in _PLAIN}
    figures: dict[str, Any] = {
        key: _figure(f"{name}.{key}", value, sources) for key, value in fields.items() if key not in _PLAIN
    }
    return Platform(name=name, **plain, **figures)


def _figure(place: str, given: Any, sources: Mapping[str, Reading]) -> Figure[Any]:
    if not isinstance(given, Mapping) or set(given) - {"also"} != {"value", "source"}:
        raise ValueError(f"{place}: expected {{ value = …, source = … }}, got {given!r}")
    pages = (given["source"], *given.get("also", ()))
    if missing := [name for name in pages if name not in sources]:
        raise ValueError(f"{place}: the source {missing[0]!r} is not among the sources")
    source, *also = (sources[name] for name in pages)
    value = given["value"]
    if place.endswith(".bitrates"):
        value = [BitrateRange(**{key: _frozen(part) for key, part in one.items()}) for one in value]
    return Figure(_frozen(value), source, tuple(also))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
