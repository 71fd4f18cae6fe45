"""`camcast migrate`: the original's files as a configuration of today, with a report of what became of each key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from camcast.cli.terminal import explained, load_host
from camcast.config.dump import to_json
from camcast.config.legacy import Conversion, Fate, convert
from camcast.config.legacy_files import read_old_files
from camcast.config.load import from_old
from camcast.config.store import holds_secret, write_new
from camcast.errors import ConfigError
from camcast.host import PluginHost


def migrate(
    context: typer.Context,
    old: Annotated[Path, typer.Option(help="The old net_service.json, or the directory that holds the old files.")],
    new: Annotated[Path, typer.Option(help="The configuration to write.")] = Path("system_config.json"),
    template: Annotated[
        str, typer.Option(help="Publish to this URL template instead of the old URLs, and show what changes.")
    ] = "",
    source: Annotated[
        list[str] | None,
        typer.Option(help="Where the pictures come from: an address, a device, a file; twice for main and sub."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the new file on stdout; write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Turn the original system's files into a configuration. Exit status 0, or 2 with nothing written."""
    with explained():
        conversion = convert_files(old, load_host(context), template=template, sources=source or [])
        text = to_json(conversion.mapping)
        secret = holds_secret(conversion.mapping)
        if not dry_run:
            write_new(new, text, secret=secret, force=force)
    for line in report_lines(conversion):
        typer.echo(line, err=True)
    if dry_run:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"wrote {new}{', readable by you only, since it holds a secret' if secret else ''}", err=True)
        typer.echo(f"next: camcast check {new}", err=True)


def convert_files(old: Path, host: PluginHost, *, template: str = "", sources: list[str] | None = None) -> Conversion:
    """Read, convert and check. Raises `ConfigError`."""
    sources = sources or []
    if len(sources) > 2:
        raise ConfigError("--source is given at most twice: for main and for sub")
    conversion = convert(read_old_files(old), sources=sources, template=template)
    from_old(conversion, host)
    return conversion


def report_lines(conversion: Conversion) -> list[str]:
    """The report, by what became of the keys. Holds no secret."""
    return [str(finding) for fate in Fate for finding in conversion.findings if finding.fate is fate]
