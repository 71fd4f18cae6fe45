"""A configuration as anybody may see it: as it would be written, without what is or may be a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from camcast.config.dump import dump, written_url
from camcast.config.model import Config
from camcast.config.secrets import is_reference, show_url
from camcast.redaction import HIDDEN, redact_text
from camcast.target import names_secret

_URLS = ("url", "urls", "proxy")
_OPTIONS = "options"


def shown(config: Config) -> dict[str, Any]:
    """The same as `dump`, safe to show: URLs without keys, secret values hidden, references as they are.

    When unsure it hides too much. It does not load as a configuration that works.
    """
    urls = {written_url(target): target.shown for session in config.sessions() for target in session.targets}
    return {key: _shown(value, key, urls) for key, value in dump(config).items()}


def _shown(value: Any, key: str, urls: Mapping[str, str], *, within: int = 0) -> Any:
    """`urls`: how those of targets are shown. `within`: how deep inside a plugin's options this is; 0 = not in any."""
    if isinstance(value, Mapping):
        deeper = within + 1 if within or key == _OPTIONS else 0
        if key == "services":
            return {name: _service(one) for name, one in value.items()}
        return {name: _shown(item, str(name), urls, within=deeper) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item, key, urls, within=within) for item in value]
    if not isinstance(value, str):
        return value
    return _text(value, key, urls, within)


def _service(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_shown(one, _OPTIONS, {}) for one in value]
    return _shown(value, _OPTIONS, {})


def _text(value: str, key: str, urls: Mapping[str, str], within: int) -> str:
    if is_reference(value):
        return value
    # What a plugin keeps in objects of its own (headers, for one) nobody here knows the meaning of.
    if names_secret(key) or within > 1:
        return HIDDEN if value else value
    if key in _URLS and not within:
        plain_path = "://" not in value and "@" not in value and ":" not in value
        return value if plain_path else urls.get(value) or show_url(value)
    return redact_text(value)
