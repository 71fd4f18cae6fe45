"""`camcast plugins`: which kinds there are, who brings each, and why one that is installed is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import attrs
import typer
from rich.text import Text

from camcast.cli.terminal import output, print_json, table
from camcast.errors import CamcastError
from camcast.host import Plugin, PluginHost
from camcast.kinds import CodecKind, EncoderKind, Kind, SourceKind, TransportKind


def plugins(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List all plugins and what they bring, and why one is left out."""
    host = PluginHost()
    rows = [_row(plugin, kind) for plugin in host.plugins for kind in plugin.kinds]
    rows.sort(key=lambda row: (_ORDER.index(row["kind"]), row["for"] if row["kind"] == "encoder" else "", row["name"]))
    if as_json:
        print_json({"kinds": rows, "problems": host.problems})
        return
    shown = table("", "kind", "name", "for", "plugin", "version", "options", "state")
    for row in rows:
        options = ", ".join(f"{name}={value}" if value else name for name, value in row["options"].items())
        state = Text(row["missing"], "yellow") if row["missing"] else "ok"
        shown.add_row(row["kind"], row["name"], row["for"], row["plugin"], row["version"], Text(options or "-"), state)
    output.print(shown)
    if host.problems:
        left_out = table("\nLeft out, whole or in part", "plugin", "why")
        for problem in host.problems:
            left_out.add_row(Text(problem.plugin), Text(problem.reason))
        output.print(left_out)


_ORDER = ("source", "codec", "encoder", "transport")


def _row(plugin: Plugin, kind: Kind) -> dict[str, Any]:
    available: Callable[[], None] | None = None
    match kind:
        case SourceKind():
            word, purpose, available = "source", kind.gives.value, kind.available
        case CodecKind():
            word, purpose = "codec", kind.media.value
        case EncoderKind():
            word, purpose = "encoder", kind.codec
        case TransportKind():
            word, available = "transport", kind.available
            purpose = " ".join(f"{scheme}://" for scheme in kind.schemes) + (" by name" if kind.by_name_only else "")
    return {
        "kind": word,
        "name": kind.name,
        "title": kind.title,
        "for": purpose,
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "options": _options(kind),
        "missing": _missing(available),
    }


def _options(kind: Kind) -> dict[str, str]:
    """Names of a kind's options, and their defaults where these are plain values."""
    if isinstance(kind, CodecKind):
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
