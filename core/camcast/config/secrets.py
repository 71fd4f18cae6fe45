"""References to secrets, `env:NAME` and `file:PATH`: how they are recognised, shown and resolved.

A URL field may hold any `word:rest` that is not a URL, since plugins resolve references of their own
(`vault:camera/7`); in other fields, where a colon is an ordinary character, only `env:` and `file:` count.
`file://…` is a URL, not a reference.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camcast.errors import ConfigError, PluginError, PluginFault
from camcast.redaction import redact_url

if TYPE_CHECKING:
    from camcast.host import PluginHost

ResolveSecret = Callable[[str], str]

_REFERENCE = re.compile(r"(env|file):(?!//)\S")
_URL_REFERENCE = re.compile(r"[a-z][a-z0-9+-]+:(?!//)\S")
_MISPLACED = re.compile(r"[/@:=?&](?:(env)(?::|%3[Aa])[A-Z_][A-Z0-9_]*(?=$|[@/?&#])|(file)(?::|%3[Aa])/)")
"""A whole part of a URL that is written as a reference is: other names may begin like one."""
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}
_AROUND = "".join(one for one in map(chr, range(0x3001)) if unicodedata.category(one) in _UNSEEN) + "\ufeff"
"""Whatever counts as a space, and what is none and cannot be seen: it is copied along from pages."""
_MAX_SECRET = 64 * 1024


def is_reference(value: object) -> bool:
    """Whether a password, key or option stands for a secret kept elsewhere."""
    return isinstance(value, str) and _REFERENCE.match(trimmed(value)) is not None


def is_url_reference(value: str) -> bool:
    """Whether a URL field's text stands for a URL kept elsewhere."""
    return _URL_REFERENCE.match(trimmed(value)) is not None


def misplaced_reference(url: str, *, target: bool = True) -> str:
    """What is wrong with a URL in which a reference stands where none is looked for; "" = nothing.

    A source's URL (`target` = False) has no key beside it, and paths of files may well be part of it.
    """
    after = url.find("://") + len("://")
    found = _MISPLACED.search(url, after) if "://" in url else None
    kind = found and (found[1] or (found[2] if target else ""))
    if not kind:
        return ""
    name = f"{kind}:…"
    beside = f', or the key beside the URL as "stream_key": "{name}"' if target else ""
    return f"{name} within a URL is not looked up, it would go out as it stands; put the whole URL there{beside}"


def show_url(url: str, name: str = "") -> str:
    """The URL as logs may show it; of a reference `env:` or `file:`, the reference itself, which is no secret.

    `name`: its last part, where that is no key.
    """
    return url if is_reference(url) else redact_url(url, name)


def trimmed(text: str) -> str:
    """`text` without what stands around it and is no part of it: spaces, ends of lines, marks that nobody sees."""
    return text.strip(_AROUND)


def resolve_reference(reference: str) -> str:
    """The value behind `env:NAME` or `file:PATH` (the last line's end dropped); raises `ConfigError`, which names it.

    Reads a file, so it belongs on a thread.
    """
    kind, _, rest = trimmed(reference).partition(":")
    if kind == "env":
        value = os.environ.get(rest)
        if not value or not trimmed(value):
            raise ConfigError(f"environment variable {rest} is not set or empty; it is named by env:{rest}")
        return value
    if kind == "file":
        try:
            with Path(rest).expanduser().open("rb") as file:
                data = file.read(_MAX_SECRET + 1)
            if len(data) > _MAX_SECRET:
                raise ConfigError(f"the secret in file:{rest} is longer than 64 KiB")
            # Editors and shells of Windows write one or the other mark in front.
            text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig").rstrip("\r\n")
        except OSError as error:
            raise ConfigError(f"cannot read the secret in file:{rest}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"the secret in file:{rest} is neither UTF-8 nor UTF-16 text") from None
        except (RuntimeError, ValueError) as error:  # nobody's home folder, a character that no path holds
            raise ConfigError(f"cannot read the secret in file:{rest}: {error}") from None
        if "\0" in text:
            raise ConfigError(f"the secret in file:{rest} has characters of no text in it; save it as UTF-8")
        if not trimmed(text):
            raise ConfigError(f"the secret in file:{rest} is empty")
        return text
    slip = f"; as a URL it would begin with {kind}://" if rest[:1] in ("/", "\\") else ""
    raise ConfigError(f'nothing here resolves references of the kind "{kind}:"; known: env:NAME, file:PATH{slip}')


def secret(host: PluginHost, reference: str) -> str:
    """The value behind a reference: from the plugins first, then as `resolve_reference` does.

    May take as long as a plugin does, so it belongs on a thread. Raises `ConfigError`, and `PluginFault` for a plugin
    that fails.
    """
    reference = trimmed(reference)
    if host.listens("camcast_resolve_secret"):
        try:
            answer = host.ask("camcast_resolve_secret", str, reference=reference)
        except PluginError as error:
            raise PluginFault(f'{error}, asked for the secret "{reference}"', stage="resolve") from None
        if answer is not None:
            return answer
    return resolve_reference(reference)


def resolve_options(options: Mapping[str, Any], resolve: ResolveSecret) -> dict[str, Any]:
    """A copy of `options` with every reference in it resolved, at any depth."""
    return {key: _resolve_value(value, resolve) for key, value in options.items()}


def has_reference(value: Any) -> bool:
    """Whether a reference is anywhere in an option's value."""
    if isinstance(value, Mapping):
        return any(has_reference(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_reference(item) for item in value)
    return is_reference(value)


def _resolve_value(value: Any, resolve: ResolveSecret) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolve_value(item, resolve) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve_value(item, resolve) for item in value]
    # A line's end in a file or a space that was copied along is no part of a secret.
    return trimmed(resolve(value)) if is_reference(value) else value
