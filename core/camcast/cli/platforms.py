"""`camcast platforms`: the platforms that are known; with a name all that is known of one, and who says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import attrs
import typer
from rich.text import Text

from camcast.cli.terminal import load_host, output, print_json, table, warn
from camcast.kinds import BitrateRange, Figure, Platform
from camcast.structure import suggest

UNKNOWN = "unknown"
LABELS = {
    "hosts": "hosts",
    "app": "application",
    "ingest": "publish to",
    "backup": "second ingest",
    "elsewhere": "not carried here",
    "key": "keys match",
    "video_codecs": "picture",
    "audio_codecs": "sound",
    "needs_audio": "wants sound",
    "another_picture": "size may change while sending",
    "keyframes_recommended": "keyframe distance, recommended",
    "keyframes_least": "keyframe distance, least",
    "keyframes_most": "keyframe distance, most",
    "bitrates": "bitrate by size",
    "bitrate_most": "bitrate of the picture, most",
    "frame_rate_most": "pictures a second, most",
    "height_most": "lines, most",
    "b_frames_most": "B-frames together, most",
    "sample_rates": "sample rates",
    "audio_bitrate_most": "bitrate of the sound, most",
    "hours_archived": "recorded up to",
    "hours_most": "ends after",
}
"""Figures in the order in which they are shown."""
_UNITS = {
    "keyframes_recommended": "{:g} s",
    "keyframes_least": "{:g} s",
    "keyframes_most": "{:g} s",
    "bitrate_most": "{:g} kbit/s",
    "audio_bitrate_most": "{:g} kbit/s",
    "frame_rate_most": "{:g}",
    "hours_archived": "{:g} h",
    "hours_most": "{:g} h",
}


def platforms(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Show all that is known of this platform.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the platforms that "server" may name, and what each wants, with the sources of all figures."""
    known = load_host(context).platforms.by_name
    if name and name.lower() not in known:
        warn(f'unknown platform "{name}"{suggest(name, list(known))}')
        raise typer.Exit(2)
    shown = [known[name.lower()]] if name else list(known.values())
    if as_json:
        print_json([described(one) for one in shown])
    elif name:
        _show(shown[0])
    else:
        _list(shown)


def described(platform: Platform) -> dict[str, Any]:
    """As JSON has it: figures that are unknown are null."""
    figures = {
        field: {
            "value": _plain(figure.value),
            "source": figure.source.url,
            "also": [page.url for page in figure.also],
            "read": figure.source.read.isoformat(),
            "dated": figure.source.dated,
        }
        if (figure := getattr(platform, field)) is not None
        else None
        for field in LABELS
    }
    plain = {"name": platform.name, "title": platform.title, "domains": platform.domains, "schemes": platform.schemes}
    return {**plain, "figures": figures}


def lines(platform: Platform) -> Iterator[tuple[str, str, Figure[Any] | None]]:
    """(what it is, its value in words, the figure; None where nobody knows)."""
    for field, label in LABELS.items():
        figure = getattr(platform, field)
        yield label, UNKNOWN if figure is None else worded(field, figure.value), figure


def worded(field: str, value: Any) -> str:
    """A figure's value with its unit."""
    if field in _UNITS:
        return _UNITS[field].format(value)
    if field == "bitrates":
        return "\n".join(_range(one) for one in value)
    if field == "sample_rates":
        return ", ".join(f"{rate / 1000:g} kHz" for rate in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{protocol} at {host}" for host, protocol in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _range(one: BitrateRange) -> str:
    codecs = f" in {' or '.join(one.codecs)}" if one.codecs else ""
    kbits = " to ".join(f"{value:g}" for value in (one.least, one.most) if value is not None)
    if one.least is None and one.most is not None:
        kbits = f"at most {kbits}"
    elif one.most is None and one.least is not None:
        kbits = f"at least {kbits}"
    if one.recommended is not None:
        kbits = f"{kbits}, recommended {one.recommended:g}".removeprefix(", ")
    return f"{one.height} lines at {one.frame_rate:g}{codecs}: {kbits} kbit/s"


def _list(known: list[Platform]) -> None:
    shown = table("", "server", "platform", "picture", "keyframes", "hosts")
    for one in known:
        most, recommended = one.keyframes_most, one.keyframes_recommended
        keyframes = f"{most.value:g} s at most" if most else f"{recommended.value:g} s" if recommended else "-"
        picture = worded("video_codecs", one.video_codecs.value) if one.video_codecs else "-"
        hosts = one.hosts.value if one.hosts else one.domains
        shown.add_row(one.name, one.title, picture, keyframes, Text(" ".join(hosts)))
    output.print(shown)


def _show(one: Platform) -> None:
    shown = table(f"{one.title} (server: {one.name})", "what", "figure", "source", "read")
    for label, value, figure in lines(one):
        if figure is not None:
            read = figure.source.read.isoformat() + (f", of {figure.source.dated}" if figure.source.dated else "")
            pages = "\n".join(page.url for page in figure.pages)
            shown.add_row(label, Text(value), Text(pages), read)
    output.print(shown)
    unknown = [label for label, value, _ in lines(one) if value == UNKNOWN]
    if unknown:
        output.print(Text(f"\nUnknown: {'; '.join(unknown)}."))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return attrs.asdict(value) if attrs.has(type(value)) else value
