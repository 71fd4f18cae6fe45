"""`camcast push SOURCE DESTINATION…`: one stream to one or several servers, without a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from camcast.cli import sockets
from camcast.cli.carry_out import Showing, carry_out
from camcast.cli.logs import LogFormat, LogLevel
from camcast.cli.pushed import check_secrets, meant, read
from camcast.cli.supervise import Reading
from camcast.cli.terminal import explained, load_host, warn
from camcast.config import Config, ServiceConfig
from camcast.config.dump import to_json


def push(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="A camera's address, a device, a media file, or the name of a source such as testsrc."),
    ],
    destination: Annotated[list[str], typer.Argument(help="Where to publish; several are published to at once.")],
    key: Annotated[
        list[str] | None,
        typer.Option(help='Stream key: env:NAME or file:PATH. Once for each destination, in their order; "-": none.'),
    ] = None,
    source_type: Annotated[
        str, typer.Option(help="The kind of source, where SOURCE does not tell; camcast sources lists them.")
    ] = "",
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the file with which camcast run does the same, and end.")
    ] = False,
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=0.0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print all figures as JSON on stdout.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the live table.")] = False,
    log_level: Annotated[LogLevel | None, typer.Option(help="The least that is logged.")] = None,
    log_file: Annotated[Path | None, typer.Option(help="Append log lines to this file instead of stderr.")] = None,
    name: Annotated[str, typer.Option(help="What other commands, such as camcast status, call this run.")] = "push",
    http: Annotated[
        bool, typer.Option("--http", help="Serve the HTTP interface on 127.0.0.1:8080, to look at.")
    ] = False,
) -> None:
    """Push one stream to one or several servers and keep it there: what camcast run does, without a file.

    Exit status: as that of camcast run.
    """
    with explained():
        host = load_host(context)
        mapping = meant(host, source, destination, key or (), source_type)
        if log_level is not None:
            mapping = {"system": {"log_level": log_level.value}, **mapping}
        config = read(mapping, host)
        if not print_config:
            check_secrets(mapping)
    if print_config:
        typer.echo(to_json({**({"services": {"http": True}} if http else {}), **mapping}), nl=False)
        return
    for note in config.notes:
        warn(note)
    services = list(sockets.service(host, name, None))
    if http:
        services.append(ServiceConfig(type="http"))

    def again() -> Config:
        return config

    showing = Showing(as_json=as_json, plain=plain, log_format=LogFormat.TEXT, log_file=log_file)
    carry_out(config, host, Reading(None, again), showing, duration=duration, services=services)
