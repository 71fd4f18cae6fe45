"""Which stream a session belongs to, what it is called, and what it publishes. Pure.

The key of a session is (camera, stream, output). Whoever makes a session by hand knows a camera, a stream by number or
by name, and a URL; the rules below make a key of that:

- a `stream_name` finds the stream of that name, a `stream_id` that of that number; without both it is the first;
- the unnamed output of a stream is the primary one; a second URL for the same stream gets the next free number.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Protocol

from camcast.config import SessionConfig
from camcast.config.published import published_name
from camcast.config.session import PRIMARY_OUTPUT
from camcast.errors import ConfigError
from camcast.events import SessionKey
from camcast.host import PluginHost


def placed(config: SessionConfig, streams: Mapping[int, str]) -> SessionConfig:
    """`config` with the id and the name of one of `streams` (names by id). Raises `ConfigError` when none fits."""
    return config.found(streams)


def numbered(config: SessionConfig, taken: Container[SessionKey]) -> SessionConfig:
    """`config` under the first free name of its output, where it has no name of its own."""
    if config.key not in taken or config.output != PRIMARY_OUTPUT:
        return config
    number = 2
    while (another := config.evolve(output=f"{config.output}{number}")).key in taken:
        number += 1
    return another


def published(host: PluginHost, config: SessionConfig) -> tuple[str, ...]:
    """Identifies what each target publishes: two sessions with one name would throw each other out for ever.

    Where that needs a secret, the reference to it stands for it. A target that no plugin can carry has none.
    """
    names = []
    for target in config.targets:
        try:
            kind = host.transport(target.transport, target.scheme)
        except LookupError:
            names.append("")
            continue
        name = published_name(host, kind, target)
        names.append(name or f"{kind.name}\0{target.url}\0{target.app}\0{target.stream_key}")
    return tuple(names)


class Owner(Protocol):
    """Who publishes: a session, by itself and not by its configuration, which is another one after a reload."""

    @property
    def key(self) -> SessionKey: ...

    @property
    def label(self) -> str: ...


class Claims:
    """Who publishes what at present, those included that are being ended."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}

    def check(self, config: SessionConfig, names: tuple[str, ...]) -> None:
        """Raises `ConfigError` that names both when one of `names` (one for each target) is another session's."""
        for target, name in zip(config.targets, names, strict=True):
            owner = self._owners.get(name)
            if owner is None:
                continue
            if owner.key == config.key:
                raise ConfigError(f"session {config.key} exists already with this URL; delete it first")
            raise ConfigError(
                f"session {config.label} would publish {target.shown} as session {owner.label} does; "
                "end that one first, or give this one a URL of its own"
            )

    def take(self, owner: Owner, names: tuple[str, ...]) -> None:
        """`owner` publishes `names` from now on."""
        self._owners |= {name: owner for name in names if name}

    def release(self, owner: Owner) -> None:
        """`owner` publishes nothing any more."""
        self._owners = {name: one for name, one in self._owners.items() if one is not owner}
