"""`camcast run FILE`: runs a configuration until a signal, the end of its media, or a given time."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from camcast.cli import sockets
from camcast.cli.carry_out import Showing, carry_out, interface, with_level
from camcast.cli.logs import LogFormat, LogLevel
from camcast.cli.supervise import Reading
from camcast.cli.terminal import WRONG, explained, load_file, warn
from camcast.config import Config, load
from camcast.host import PluginHost


def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Configuration: JSON, or TOML where the name ends in .toml.")],
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=0.0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print all figures as JSON on stdout.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the live table.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option(help="How log lines look; json: one object a line.")
    ] = LogFormat.TEXT,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="The least that is logged; without it, the file's system.log_level.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(help="Append log lines to this file instead of stderr; SIGUSR1 opens it anew.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Read the file again when it changes.")] = False,
    name: Annotated[
        str | None, typer.Option(help="What other commands call this run; without it, the file's name without ending.")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option(help="Path of the socket that other commands use, instead of one by the name.")
    ] = None,
    no_socket: Annotated[bool, typer.Option("--no-socket", help="Do without that socket.")] = False,
    http: Annotated[
        bool,
        typer.Option("--http", help="Serve the HTTP interface on 127.0.0.1:8080, to look at, where the file has none."),
    ] = False,
) -> None:
    """Run a configuration. SIGINT and SIGTERM stop it cleanly (a second one: quicker), SIGHUP reads the file again.

    It also ends when every source has come to its end, and when every session has given up for good.

    Exit status: 0 when every session was healthy at the end, or had sent all that its source had to give, and whenever
    SIGTERM or `camcast stop` ended it in order; 1 when one was not; 2 when the configuration is wrong.
    """
    with explained():
        config, host = load_file(context, file)
    config = with_level(config, log_level)
    for note in config.notes:
        warn(note)
    services = [] if no_socket else list(sockets.service(host, name or sockets.name_of(file), socket))
    if http:
        services += interface(config)
    if not any(True for _ in config.sessions()) and not config.services and not http:
        warn("nothing to run: no camera has an enabled stream with an enabled output")
        raise typer.Exit(WRONG)
    reading = Reading(file, partial(_read, file, host, log_level), watch)
    showing = Showing(as_json=as_json, plain=plain, log_format=log_format, log_file=log_file)
    carry_out(config, host, reading, showing, duration=duration, services=services)


def _read(file: Path, host: PluginHost, level: LogLevel | None) -> Config:
    return with_level(load(file, host, os.environ), level)
