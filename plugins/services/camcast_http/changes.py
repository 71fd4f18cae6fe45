"""What a configuration that comes over the network may say. It may not make camcast read what its sender cannot.

Files, and secrets behind references, are those that the configuration has already, or that the options allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from camcast.config import Config, dump
from camcast.config.secrets import is_reference, is_url_reference
from camcast.errors import Issue
from camcast.redaction import HIDDEN
from camcast_http.problems import Problem

_FILES = ("ca_file", "certificate", "client_certificate", "client_key", "image", "key_file", "file", "path")
_ADDRESSES = ("url", "url_template")
_LISTS = ("urls", "fallback_urls")
_OURS = ("services", "plugins", "include")
"""Parts that are changed in the file only: they decide whose code runs, who may come in, and which files are read."""


@attrs.frozen(kw_only=True)
class Limits:
    """What may be named, besides what the configuration names already."""

    references: Sequence[str] = ()
    roots: Sequence[str] = ()
    everything: bool = False
    """Whoever asks may read these files anyway."""


def check(mapping: Mapping[str, Any], current: Config, limits: Limits) -> None:
    """Raises `Problem` with the place of everything that may not be said."""
    texts = list(_texts(mapping))
    hidden = "holds ***, which stands for what was hidden: give it, or a reference to it"
    issues = [Issue(place, hidden) for place, _, text in texts if HIDDEN in text]
    if not limits.everything:
        issues += [Issue(name, "can be changed in the file only") for name in _OURS if name in mapping]
        known = {text for _, _, text in _texts(dump(current))}
        allowed = known | set(limits.references)
        roots = [Path(root).resolve() for root in limits.roots]
        for place, key, text in texts:
            if text in known:
                continue
            if is_reference(text) or (key in _ADDRESSES + _LISTS and is_url_reference(text)):
                if text not in allowed:
                    issues.append(Issue(place, "this reference is not in the configuration, nor in allow_references"))
            elif _is_file(key, text) and not _below(text, roots):
                issues.append(Issue(place, "this file is not in the configuration, nor below one of media_roots"))
    if issues:
        raise Problem(422, "this may not be said here", issues=issues[:100])


def kept(config: Config, current: Config) -> Config:
    """`config` with the parts that only the file decides as they are."""
    return attrs.evolve(config, **{name: getattr(current, name) for name in _OURS})


def _texts(value: Any, place: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text in a mapping: where, behind which key, what."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{place}.{name}" if place else str(name), str(name))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{place}[{index}]", key)
    elif isinstance(value, str):
        yield place, key, value


def _is_file(key: str, text: str) -> bool:
    if key in _FILES:
        return bool(text)
    address = key in _ADDRESSES + _LISTS
    return address and ("://" not in text or text.lower().startswith("file:"))


def _below(text: str, roots: Sequence[Path]) -> bool:
    path = Path(text.removeprefix("file://")).resolve()
    return any(path.is_relative_to(root) for root in roots)
