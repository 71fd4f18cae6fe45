"""`camcast encoders`: every encoder, opened for real to see whether it works on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from camcast.cli.terminal import load_host, output, print_json, table, warn
from camcast.config.asked import Patience
from camcast.errors import CamcastError
from camcast.kinds import EncoderKind


def encoders(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Open every encoder and say which work; the first working one of a codec is used unless told otherwise."""
    host = load_host(context)
    kinds = sorted(host.encoders.values(), key=lambda kind: (kind.codec, -kind.priority, kind.name))
    used: set[str] = set()
    rows = []
    for kind in kinds:
        reason = probe(kind)
        rows.append(
            {
                "codec": kind.codec,
                "name": kind.name,
                "title": kind.title,
                "priority": kind.priority,
                "hardware": kind.hardware,
                "works": not reason,
                "reason": reason,
                "used": not reason and kind.codec not in used,
            }
        )
        if not reason:
            used.add(kind.codec)
    if as_json:
        print_json(rows)
        return
    if not rows:
        warn("no plugin here brings an encoder")
        return
    shown = table("", "codec", "encoder", "priority", "hardware", "works", "", numbers=("priority",))
    for row in rows:
        works = Text("yes" if row["works"] else "no", "green" if row["used"] else "")
        works.append(", used" if row["used"] else "", "default")
        hardware = "yes" if row["hardware"] else "no"
        shown.add_row(
            str(row["codec"]), str(row["name"]), str(row["priority"]), hardware, works, Text(str(row["reason"]))
        )
    output.print(shown)


def probe(kind: EncoderKind) -> str:
    """Why it does not work here, or "". A driver that hangs holds up neither the list nor its end."""
    try:
        Patience("probe").within(kind.name, kind.probe)
    except (CamcastError, TimeoutError) as error:
        return str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001  whatever a driver raises
        return f"it does not open ({type(error).__name__}: {error})"
    return ""
