"""Reads a configuration: from a file, from text, from a mapping."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.legacy import Conversion, OldFiles, convert, is_old
from camcast.config.legacy_files import old_value
from camcast.config.model import Config, PluginsConfig
from camcast.config.read import MAX_SIZE, decode, parse
from camcast.config.resolve import from_mapping, plugins_of
from camcast.errors import ConfigError, Issue

if TYPE_CHECKING:
    from camcast.host import PluginHost

log = logging.getLogger(__name__)


def load(path: str | Path, host: PluginHost) -> Config:
    """The configuration in a file: JSON (with comments), or TOML where the name ends in `.toml`.

    An old `net_service.json` is recognised and converted in memory; a note of the result says so. Raises
    `ConfigError`; its text names the file.
    """
    return ConfigFile.read(path).resolve(host)


@attrs.frozen
class ConfigFile:
    """A file that has been read but not resolved, which takes a plugin host: the file says which plugins that has."""

    path: Path
    mapping: Mapping[str, Any] = attrs.field(repr=False)

    @classmethod
    def read(cls, path: str | Path) -> ConfigFile:
        """Raises `ConfigError`, whose text names the file."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from None
        try:
            return cls(path, _parse(data, "toml" if path.suffix.lower() == ".toml" else "json"))
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    @property
    def plugins(self) -> PluginsConfig:
        """Which plugins it wants. What is wrong with that is told by `resolve`."""
        return plugins_of(self.mapping)

    def resolve(self, host: PluginHost) -> Config:
        """What the file means with these plugins, as far as it wants them. Raises `ConfigError`."""
        base = self.path.parent.absolute()
        if is_old(self.mapping):
            name = f"{self.path} is a file of the original system"
            note = f"{name}, converted in memory; camcast migrate writes a new one"
            log.info(note)
            return from_old(convert(OldFiles(net_service=self.mapping)), host, base=base, note=note)
        return from_mapping(self.mapping, host, base=base)


def from_old(conversion: Conversion, host: PluginHost, *, base: Path | None = None, note: str = "") -> Config:
    """What an old file's conversion means. Issues are of keys that the user has never seen, so they say whose."""
    try:
        config = from_mapping(conversion.mapping, host, base=base)
    except ConfigError as error:
        raise ConfigError([Issue(f"as converted, {issue.path}", issue.message) for issue in error.issues]) from None
    return attrs.evolve(config, notes=(note, *config.notes)) if note else config


def _parse(data: bytes, format: str) -> Mapping[str, Any]:
    """Strict as to what camcast writes, as lenient as the original to what that has written."""
    try:
        return parse(decode(data), format)
    except ConfigError:
        if format == "json" and (old := old_value(data)) is not None:
            return old
        raise


def loads(text: str, host: PluginHost, format: str = "json", base: Path | None = None) -> Config:
    """The configuration in a text; `format` is "json" or "toml". `base`: where relative paths are looked for first."""
    return from_mapping(parse(text, format), host, base=base)
