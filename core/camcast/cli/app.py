"""Puts the commands together: one module a command, whose function of the same name typer reads."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from camcast.cli.check import check
from camcast.cli.demo import demo
from camcast.cli.encoders import encoders
from camcast.cli.migrate import migrate
from camcast.cli.plugins import plugins
from camcast.cli.run import run
from camcast.cli.schema import schema
from camcast.cli.sources import sources

app = typer.Typer(
    help="Pushes many cameras' live video to many servers and keeps it there.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
for command in (run, check, demo, migrate, plugins, sources, encoders, schema, migrate):
    app.command()(command)


@app.callback(invoke_without_command=True)
def camcast(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """Everything that is logged before a command sets logging up is told by the commands themselves."""
    logging.getLogger("camcast").addHandler(logging.NullHandler())
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"camcast {installed('camcast')}")
        raise typer.Exit
