"""What a configuration that comes over the network may say. It may not make camcast read what its sender cannot.

Files, and secrets behind references, are those that the configuration has already, or that the options allow. A file
may be meant to be read, written or cleared away: a recording is one too, and the folder whose oldest are deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import attrs

from camcast.config import Config, dump, shown
from camcast.config.secrets import is_reference, is_url_reference
from camcast.errors import Issue
from camcast.redaction import HIDDEN
from camcast.services import EngineView
from camcast_http.problems import Problem

_FILES = (
    "archive",
    "ca_file",
    "certificate",
    "certificate_key",
    "client_certificate",
    "client_key",
    "file",
    "image",
    "key_file",
    "path",
    "private_key",
)
_ADDRESSES = ("url", "url_template", "upload")
_LISTS = ("urls", "fallback_urls")
_OPTIONS = "options"
"""Below this a plugin decides what is a file, so whatever looks like one is taken for one."""
_OURS = ("services", "plugins", "include")
"""Parts that are changed in the file only: they decide whose code runs, who may come in, and which files are read."""


@attrs.frozen(kw_only=True)
class Limits:
    """What may be named, besides what the configuration names already."""

    references: Sequence[str] = ()
    roots: Sequence[str] = ()
    everything: bool = False
    """Whoever asks may read these files anyway."""


def read(engine: EngineView, mapping: Mapping[str, Any], limits: Limits) -> Config:
    """The configuration that `mapping` is. Raises `Problem` with the place of everything that may not be said, and
    `ConfigError`. What only the file decides may stand there as it is shown, for whoever sends back what he got."""
    given = shown(engine.config)
    mapping = {name: part for name, part in mapping.items() if name not in _OURS or part != given.get(name)}
    check(mapping, engine.config, limits)
    config = engine.read(mapping)
    # Once more, for a template may make a path of what is none in it.
    _refuse(_unknown(dump(config), engine.config, limits))
    return config


def check(mapping: Mapping[str, Any], current: Config, limits: Limits) -> None:
    """Raises `Problem` with the place of everything that may not be said, as far as it is seen in what is written."""
    hidden = "holds ***, which stands for what was hidden: give it, or a reference to it"
    issues = [Issue(place, hidden) for place, _, text in _texts(mapping) if HIDDEN in text]
    if not limits.everything:
        issues += [Issue(name, "can be changed in the file only") for name in _OURS if name in mapping]
    _refuse(issues + _unknown(mapping, current, limits))


def _unknown(mapping: Mapping[str, Any], current: Config, limits: Limits) -> list[Issue]:
    """Files and references that nobody allowed."""
    if limits.everything:
        return []
    issues = []
    # Only what is a file or a reference there: who may change a camera's name gives it any text.
    known = {text for place, key, text in _texts(dump(current)) if _refers(key, text) or _is_file(place, key, text)}
    allowed = known | set(limits.references)
    roots = [Path(root).resolve() for root in limits.roots]
    for place, key, text in _texts(mapping):
        if text in known:
            continue
        if _refers(key, text):
            if text not in allowed:
                issues.append(Issue(place, "this reference is not in the configuration, nor in allow_references"))
        elif _is_file(place, key, text) and not _below(text, roots):
            issues.append(Issue(place, "this file is not in the configuration, nor below one of media_roots"))
    return issues


def _refuse(issues: Sequence[Issue]) -> None:
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


def _refers(key: str, text: str) -> bool:
    return is_reference(text) or (key in _ADDRESSES + _LISTS and is_url_reference(text))


def _is_file(place: str, key: str, text: str) -> bool:
    if key in _FILES:
        return bool(text)
    if key in _ADDRESSES + _LISTS:
        return "://" not in text or _without_host(text)
    if _OPTIONS in place.split("."):
        return text.startswith(("/", "~", "./", "../")) or ("://" in text and _without_host(text))
    return False


def _without_host(url: str) -> bool:
    """Whether it leads to something on this machine: a recording, a device, a file."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return False  # it is none, which is told where it is read
    return parts.scheme == "file" or not parts.netloc


def _below(text: str, roots: Sequence[Path]) -> bool:
    """Both as it stands and with its octets read (RFC 3986, 2.1): plugins differ in that."""
    path = text.strip()
    if "://" in path:
        path = urlsplit(path).path
    path = path.removeprefix("file:")
    try:
        meant = [Path(one).expanduser().resolve() for one in (path, unquote(path))]
    except (OSError, RuntimeError, ValueError):
        return False  # nobody's home folder, a NUL
    return any(all(one.is_relative_to(root) for one in meant) for root in roots)
