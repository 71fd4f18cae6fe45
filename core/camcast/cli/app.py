"""Puts the commands together: one module a command, whose function of the same name typer reads."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from camcast.cli.check import check
from camcast.cli.demo import demo
from camcast.cli.discover import discover
from camcast.cli.encoders import encoders
from camcast.cli.fleet import app as fleet
from camcast.cli.init import init
from camcast.cli.migrate import migrate
from camcast.cli.platforms import platforms
from camcast.cli.plugins import plugins
from camcast.cli.push import push
from camcast.cli.run import run
from camcast.cli.schema import schema
from camcast.cli.signals import FLEET, RUNNING, asked
from camcast.cli.sources import sources
from camcast.cli.steer import COMMANDS
from camcast.cli.terminal import Blocked

app = typer.Typer(
    help="Pushes many cameras' live video to many servers and keeps it there.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_show_locals=False,
)
for command in (
    run,
    init,
    push,
    check,
    discover,
    demo,
    migrate,
    plugins,
    platforms,
    sources,
    encoders,
    schema,
    *COMMANDS,
):
    app.command()(command)
app.add_typer(fleet, name=FLEET)


@app.callback(invoke_without_command=True)
def camcast(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    block: Annotated[
        list[str] | None,
        typer.Option(metavar="PLUGIN", help="Leave a plugin out, so that another may do its work; can be repeated."),
    ] = None,
) -> None:
    """Everything that is logged before a command sets logging up is told by the commands themselves."""
    logging.getLogger("camcast").addHandler(logging.NullHandler())
    if context.invoked_subcommand not in (*RUNNING, FLEET):
        asked.restore()
    context.obj = Blocked(tuple(block or ()))
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"camcast {installed('camcast')}")
        raise typer.Exit
