"""Reads a configuration: from a file, from text, from a mapping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camcast.config.model import Config
from camcast.config.read import MAX_SIZE, decode, parse
from camcast.config.resolve import from_mapping
from camcast.errors import ConfigError

if TYPE_CHECKING:
    from camcast.host import PluginHost


def load(path: str | Path, host: PluginHost) -> Config:
    """The configuration in a file: JSON (with comments), or TOML where the name ends in `.toml`.

    Raises `ConfigError`; its text names the file.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    try:
        text = decode(data)
        format = "toml" if path.suffix.lower() == ".toml" else "json"
        return loads(text, host, format=format, base=path.parent.absolute())
    except ConfigError as error:
        if len(error.issues) == 1 and not error.issues[0].path:
            raise ConfigError(f"{path}: {error}") from None
        raise


def loads(text: str, host: PluginHost, format: str = "json", base: Path | None = None) -> Config:
    """The configuration in a text; `format` is "json" or "toml". `base`: where relative paths are looked for first."""
    return from_mapping(parse(text, format), host, base=base)
