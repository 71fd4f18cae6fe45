"""`camcast sources`: the kinds of source, and with `--probe` the devices of this machine."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import typer

from camcast.cli.terminal import load_host, output, print_json, table, warn
from camcast.errors import CamcastError
from camcast.kinds import SourceKind


def sources(
    context: typer.Context,
    probe: Annotated[bool, typer.Option("--probe", help="Look for this machine's devices.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the kinds of source, and what devices there are."""
    host = load_host(context)
    found = [_described(kind, probe) for kind in host.sources.values()]
    if as_json:
        print_json(found)
        return
    if not found:
        warn("no plugin here brings a source")
        return
    shown = table("", "source", "brings", "what it is")
    for one in found:
        shown.add_row(one["name"], one["gives"], one["title"])
    output.print(shown)
    if not probe:
        return
    devices = table("", "source", "url", "device", "offers")
    for one in found:
        for device in one["devices"]:
            devices.add_row(one["name"], device["url"], device["name"], "\n".join(device["offers"]))
        if one["problem"]:
            devices.add_row(one["name"], "-", one["problem"], "")
    output.print(devices if devices.row_count else "No devices found on this machine.")


def _described(kind: SourceKind, probe: bool) -> dict[str, Any]:
    devices: list[dict[str, Any]] = []
    problem = ""
    if probe and kind.devices is not None:
        try:
            devices = [attrs.asdict(device) for device in kind.devices()]
        except (CamcastError, OSError) as error:
            problem = str(error)
    return {"name": kind.name, "title": kind.title, "gives": kind.gives.value, "devices": devices, "problem": problem}
