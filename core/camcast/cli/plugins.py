"""`camcast plugins`: what there is, who brings it, and why a plugin is left out, whole or in part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer
from rich.text import Text

from camcast.cli.terminal import explained, find_plugins, output, print_json, table
from camcast.config import ConfigFile
from camcast.errors import CamcastError
from camcast.host import Plugin, PluginHost, Problem
from camcast.kinds import (
    CodecKind,
    ConfigForm,
    CoordinatorKind,
    DiscovererKind,
    EncoderKind,
    Kind,
    Platform,
    ServiceKind,
    SourceKind,
    TransportKind,
)


def plugins(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help='A configuration: list plugins as its "plugins" would have them.')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all plugins and what they bring, and why one is left out."""
    with explained():
        choice = ConfigFile.read(file, os.environ).plugins.choice if file else None
    host = find_plugins(context, choice)
    rows = [_row(plugin, kind) for plugin in host.plugins for kind in plugin.kinds]
    rows += [row for plugin in host.plugins for row in _hook_rows(host, plugin)]
    rows.sort(key=lambda row: (_ORDER.index(row["kind"]), row["for"] if row["kind"] == "encoder" else "", row["name"]))
    if as_json:
        print_json({"kinds": rows, "blocked": host.blocked, "problems": host.problems})
        return
    shown = table("", "kind", "name", "for", "plugin", "version", "options", "state")
    shown.columns[5].max_width = 40  # what is missing must be seen whole, to be copied
    for row in rows:
        options = ", ".join(f"{name}={value}" if value else name for name, value in row["options"].items())
        state = Text(row["missing"], "yellow") if row["missing"] else "ok"
        shown.add_row(row["kind"], row["name"], row["for"], row["plugin"], row["version"], Text(options or "-"), state)
    output.print(shown)
    _print("\nBlocked", host.blocked)
    _print("\nLeft out, whole or in part", host.problems)


_ORDER = (
    "source",
    "codec",
    "encoder",
    "transport",
    "service",
    "coordinator",
    "discoverer",
    "form",
    "platform",
    "resolver",
    "watcher",
    "converter",
)
_HOOKS = {
    "camcast_resolve_url": ("resolver", "URLs"),
    "camcast_resolve_source": ("resolver", "sources"),
    "camcast_resolve_secret": ("resolver", "secrets"),
    "camcast_session_event": ("watcher", "events"),
    "camcast_segment": ("watcher", "recordings"),
    "camcast_prepare_converter": ("converter", "option types"),
}
"""Hooks that bring no kinds: what their plugin is, and for what."""


def _print(title: str, problems: Sequence[Problem]) -> None:
    if problems:
        shown = table(title, "plugin", "why")
        for problem in problems:
            shown.add_row(Text(problem.plugin), Text(problem.reason))
        output.print(shown)


def _hook_rows(host: PluginHost, plugin: Plugin) -> Iterator[dict[str, Any]]:
    for hook, (word, purpose) in _HOOKS.items():
        if plugin.name in host.implementers(hook):
            yield _shown(plugin, word, plugin.name, purpose)


def _row(plugin: Plugin, kind: Kind) -> dict[str, Any]:
    available: Callable[[], None] | None = None
    match kind:
        case SourceKind():
            word, purpose, available = "source", kind.gives.value, kind.available
        case CodecKind():
            word, purpose = "codec", kind.media.value
        case EncoderKind():
            word, purpose = "encoder", kind.codec
        case ServiceKind():
            word, purpose, available = "service", kind.title, kind.available
        case CoordinatorKind():
            word, available = "coordinator", kind.available
            purpose = " ".join(f"{scheme}://" for scheme in kind.schemes)
        case DiscovererKind():
            word, available = "discoverer", kind.available
            purpose = " ".join(f"{scheme}://" for scheme in kind.schemes)
        case ConfigForm():
            word, purpose = "form", kind.title
        case Platform():
            word, purpose = "platform", kind.title
        case TransportKind():
            word, available = "transport", kind.available
            purpose = " ".join(f"{scheme}://" for scheme in kind.schemes) + (" by name" if kind.by_name_only else "")
    return {
        **_shown(plugin, word, kind.name, purpose),
        "title": kind.title,
        "options": _options(kind),
        "missing": _missing(available),
    }


def _shown(plugin: Plugin, word: str, name: str, purpose: str) -> dict[str, Any]:
    return {
        "kind": word,
        "name": name,
        "title": "",
        "for": purpose,
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "options": {},
        "missing": "",
    }


def _options(kind: Kind) -> dict[str, str]:
    """Names of a kind's options, and their defaults where these are plain values."""
    if isinstance(kind, CodecKind | DiscovererKind | ConfigForm | Platform):
        return {}
    found = {}
    for field in attrs.fields(kind.options):
        plain = field.default is not attrs.NOTHING and isinstance(field.default, str | int | float | bool)
        found[field.alias or field.name] = repr(field.default) if plain else ""
    return found


def _missing(available: Callable[[], None] | None) -> str:
    """What keeps a kind from being used here, or ""."""
    if available is None:
        return ""
    try:
        available()
    except CamcastError as error:
        return str(error)
    return ""
