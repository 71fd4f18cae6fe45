"""`camcast migrate`: files of another form as a configuration of today, with a report of what became of each key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from camcast.cli.terminal import explained, load_host
from camcast.config.dump import to_json
from camcast.config.load import from_conversion, not_ours, read_bytes, recognised
from camcast.config.read import decode, parse
from camcast.config.store import holds_secret, write_new
from camcast.errors import ConfigError
from camcast.host import PluginHost
from camcast.kinds import Conversion, Fate, Wish


def migrate(
    context: typer.Context,
    old: Annotated[Path, typer.Option(help="The old file, or the directory that holds the old files.")],
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
    """Turn the files of another system into a configuration. Exit status 0, or 2 with nothing written."""
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


def convert_files(old: Path, host: PluginHost, *, template: str = "", sources: Sequence[str] = ()) -> Conversion:
    """Read, convert and check. Raises `ConfigError`."""
    data = b"" if old.is_dir() else read_bytes(old)
    form = recognised(host, data, old)
    if form is None:
        if data:
            _raise_if_broken(old, data)
        raise ConfigError(f"{old} is of {not_ours(host)}")
    conversion = form.convert(Wish(path=old, data=data, sources=tuple(sources), template=template))
    from_conversion(conversion, host)
    return conversion


def _raise_if_broken(old: Path, data: bytes) -> None:
    """A file that is broken is recognised by nobody, and its fault is what there is to say."""
    try:
        parse(decode(data))
    except ConfigError as error:
        raise ConfigError(f"{old}: {error}") from None


def report_lines(conversion: Conversion) -> list[str]:
    """The report, by what became of the keys. Holds no secret."""
    return [str(remark) for fate in Fate for remark in conversion.remarks if remark.fate is fate]
