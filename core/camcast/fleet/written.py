"""A fleet's file: a configuration of cameras, with "fleet" beside them. What of it may go to a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from camcast.config import Config, ConfigFile
from camcast.config.dump import dump
from camcast.config.secrets import is_reference
from camcast.config.shown import shown
from camcast.errors import ConfigError, Issue
from camcast.fleet.desired import rules_of
from camcast.host import PluginHost
from camcast.redaction import redact_url

FLEET = "fleet"
MOST = 100_000
"""Cameras of one fleet."""


def read(path: Path, host: PluginHost, environment: Mapping[str, str], *, literal: bool) -> Mapping[str, Any]:
    """What is desired, by a file that has been checked as for `camcast run`. Raises `ConfigError`.

    `literal`: last parts of targets' URLs are names and no keys, so they may be written out.
    """
    file = ConfigFile.read(path, environment)
    if file.mapping is None:
        raise file.fault or ConfigError(f"{path} is no configuration of camcast's own")
    rest = unbounded({key: value for key, value in file.mapping.items() if key != FLEET})
    rules_of(file.mapping)
    config = attrs.evolve(file, mapping=rest).resolve(host)
    if issues := [*_not_for_all(config), *secrets_in(config, literal=literal)]:
        raise ConfigError(issues)
    written = {"cameras": dump(config)["cameras"]}
    return {**written, FLEET: file.mapping[FLEET]} if FLEET in file.mapping else written


def unbounded(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same configuration with room for as many cameras as a fleet may have: one machine's bound is not the fleet's.

    What is said of that (`system.max_cameras`) holds.
    """
    system = mapping.get("system", {})
    return {**mapping, "system": {"max_cameras": MOST, **system}} if isinstance(system, Mapping) else mapping


def as_shown(mapping: Mapping[str, Any], config: Config) -> Mapping[str, Any]:
    """What is desired as anybody may see it. `config`: the same, read."""
    return {"cameras": shown(config)["cameras"], FLEET: mapping.get(FLEET, {})}


def _not_for_all(config: Config) -> Iterator[Issue]:
    """What belongs to one machine."""
    if config.services:
        yield Issue("services", 'belong into each member\'s own file: "camcast fleet run FILE"')
    if not config.cameras:
        yield Issue("cameras", 'there is none; to end them all, give each "enabled": false')


def secrets_in(config: Config, *, literal: bool) -> Iterator[Issue]:
    """Values that are or may be secrets: the store is no place for them."""
    yield from _hidden(dump(config)["cameras"], shown(config)["cameras"], "cameras", literal=literal)


def _hidden(value: Any, seen: Any, path: str, *, literal: bool) -> Iterator[Issue]:
    if isinstance(value, Mapping) and isinstance(seen, Mapping):
        # Of a camera, and of a target whose key stands beside it, the last part is no key.
        beside = "stream_key" in value or path.endswith(".source")
        for key, one in value.items():
            named = literal or (beside and key == "url")
            yield from _hidden(one, seen.get(key), f"{path}.{key}", literal=named)
    elif isinstance(value, list) and isinstance(seen, list) and len(value) == len(seen):
        for index, (one, other) in enumerate(zip(value, seen, strict=True)):
            yield from _hidden(one, other, f"{path}[{index}]", literal=literal)
    elif value != seen and not is_reference(value) and not (literal and _is_open(value)):
        hint = (
            ""
            if literal or not (isinstance(value, str) and _is_open(value))
            else ("; if its last part is a name and no key, say so: --literal")
        )
        text = "is or may be a secret, which the store must not have; write env:NAME or file:PATH for members to read"
        yield Issue(path, text + hint)


def _is_open(url: Any) -> bool:
    """Whether a URL has nothing in it that is hidden but its last part."""
    return isinstance(url, str) and "://" in url and redact_url(url, url.rpartition("/")[2]) == url
