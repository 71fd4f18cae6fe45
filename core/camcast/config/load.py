"""Reads a configuration: from a file, from text. Files of other forms are read as plugins convert them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from camcast.config.blocks import FILE
from camcast.config.model import Config, PluginsConfig
from camcast.config.overrides import override
from camcast.config.read import MAX_SIZE, decode, parse
from camcast.config.walk import from_mapping, plugins_of
from camcast.config_form import ConfigForm, Conversion, Wish
from camcast.errors import ConfigError, Issue
from camcast.structure import LONGEST_SHOWN, shortened

if TYPE_CHECKING:
    from camcast.host import PluginHost

log = logging.getLogger(__name__)

_LOOKED_AT = 4096
"""Bytes at a file's beginning that show of what form it is."""
_YAML = re.compile(r"---|[A-Za-z][\w-]*:(?:\s.*)?|- .*")
_TOML = re.compile(r"\[\[?[A-Za-z][\w. -]*\]\]?|[A-Za-z][\w.-]*\s*=.*")
FORM_PLUGIN = "legacy"
"""The plugin that reads the original system's files; told where it may be what is missing."""


def load(path: str | Path, host: PluginHost, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration in a file: JSON (with comments), or TOML where the name ends in `.toml`.

    A file of another form that a plugin knows is converted in memory; a note of the result says so. `environment`:
    variables such as `CAMCAST__SYSTEM__LOG_LEVEL`, which override its keys. Raises `ConfigError`; its text names the
    file.
    """
    return ConfigFile.read(path, environment).resolve(host)


@attrs.frozen
class ConfigFile:
    """A file that has been read but not resolved, which takes a plugin host: the file says which plugins that has."""

    path: Path
    data: bytes = attrs.field(repr=False)
    mapping: Mapping[str, Any] | None = attrs.field(repr=False)
    """The root object; None where the text is none of camcast's."""
    fault: ConfigError | None
    """Why not."""
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Variables that override its keys."""

    @classmethod
    def read(cls, path: str | Path, environment: Mapping[str, str] | None = None) -> ConfigFile:
        """Raises `ConfigError` where there is no such file."""
        environment = environment or {}
        path = Path(path)
        data = read_bytes(path)
        try:
            mapping = parse(decode(data), "toml" if path.suffix.lower() == ".toml" else "json")
        except ConfigError as error:
            return cls(path, data, None, ConfigError(f"{path}: {error}{other_form(path, data)}"), environment)
        return cls(path, data, mapping, None, environment)

    @property
    def plugins(self) -> PluginsConfig:
        """Which plugins it wants. What is wrong with that is told by `resolve`."""
        return plugins_of(override(self.mapping or {}, self.environment).mapping)

    def resolve(self, host: PluginHost, *, here: bool = False) -> Config:
        """What the file means with these plugins, as far as it wants them. Raises `ConfigError`.

        `here`: see `from_mapping`.
        """
        base = self.path.parent.absolute()
        form = None if self._is_ours else recognised(host, self.data, self.path)
        if form is not None:
            note = f"{self.path} is {form.title}, converted in memory; camcast migrate writes a new one"
            log.info(note)
            conversion = form.convert(Wish(path=self.path, data=self.data))
            return from_conversion(conversion, host, base=base, note=note, environment=self.environment, here=here)
        if self.mapping is None:
            assert self.fault is not None
            raise self.fault
        if self.mapping and not set(self.mapping) & set(FILE.keys):
            word, near = next(((key, near) for key in self.mapping for near in _near(key)), ("", ""))
            slip = f'; did you mean "{near}" where it says "{shortened(word)}"?' if near else ""
            raise ConfigError(f"{self.path} is of {not_ours(host)}{slip}")
        try:
            return _overridden(self.mapping, host, base, self.path, self.environment, here)
        except ConfigError as error:
            if not self._is_ours and set(self.mapping) - set(FILE.keys):
                raise ConfigError([*error.issues, Issue("", f"{self.path} may be of {not_ours(host)}")]) from None
            raise

    @property
    def _is_ours(self) -> bool:
        """Whether it is plainly camcast's own."""
        return self.mapping is not None and "cameras" in self.mapping


def _near(key: str) -> list[str]:
    """The key of a file that may be meant."""
    return get_close_matches(key[:LONGEST_SHOWN], FILE.keys, n=1)


def other_form(path: Path, data: bytes) -> str:
    """What may be said of a file that could not be read and looks as if it were of another form; "" = nothing."""
    name, text = path.suffix.lower(), data[:_LOOKED_AT].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "//"))]
    first = lines[0] if lines else ""
    if name == ".toml":
        return "; it looks like JSON: give it a name that ends in .json" if first.startswith("{") else ""
    if name in (".yaml", ".yml") or _YAML.fullmatch(first):
        return "; YAML is not read: write JSON, or TOML in a file whose name ends in .toml"
    if _TOML.fullmatch(first):
        return "; it looks like TOML: give it a name that ends in .toml"
    return ""


def read_bytes(path: Path) -> bytes:
    """What is in a file, and one byte more than the most that is taken. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None


def recognised(host: PluginHost, data: bytes, path: Path) -> ConfigForm | None:
    """The form of a file, or of a directory (without data), that a plugin knows."""
    for form in host.forms.values():
        try:
            if form.recognises(data, path):
                return form
        except Exception:
            log.exception("Configuration form %s: internal error of its plugin", form.name)
    return None


def not_ours(host: PluginHost) -> str:
    """What may be said of a file that is none of camcast's own and of no form that is known here."""
    known = ", ".join(f'"{form.name}", {form.title}' for form in host.forms.values())
    missing = f'; the original system\'s files need the plugin "{FORM_PLUGIN}", which is not in use here'
    text = f"no form of configuration that is known here; besides camcast's own these are: {known or 'none'}"
    return text + ("" if FORM_PLUGIN in host.forms else missing)


def from_conversion(
    conversion: Conversion,
    host: PluginHost,
    *,
    base: Path | None = None,
    note: str = "",
    environment: Mapping[str, str] | None = None,
    here: bool = False,
) -> Config:
    """What a converted file means. Issues are of keys that the user has never seen, so they say whose."""
    try:
        config = _overridden(conversion.mapping, host, base, None, environment or {}, here)
    except ConfigError as error:
        raise ConfigError([Issue(f"as converted, {issue.path}", issue.message) for issue in error.issues]) from None
    return attrs.evolve(config, notes=(note, *config.notes)) if note else config


def _overridden(
    mapping: Mapping[str, Any],
    host: PluginHost,
    base: Path | None,
    file: Path | None,
    environment: Mapping[str, str],
    here: bool,
) -> Config:
    """What a mapping means with what the environment says laid over it. Raises `ConfigError` with all that is wrong."""
    changed = override(mapping, environment)
    try:
        config = from_mapping(changed.mapping, host, base=base, file=file, here=here)
    except ConfigError as error:
        raise ConfigError([*changed.issues, *error.issues]) from None
    if changed.issues:
        raise ConfigError(changed.issues)
    return attrs.evolve(config, notes=(*config.notes, *changed.notes))


def loads(text: str, host: PluginHost, format: str = "json", base: Path | None = None) -> Config:
    """The configuration in a text; `format` is "json" or "toml". `base`: where relative paths are looked for first."""
    return from_mapping(parse(text, format), host, base=base)
