"""The command line: every command with its arguments and options, from the program itself.

Which package the classes of commands come from is another thing in each version of typer; what they hold is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.core
import typer.main
from tools.site.tables import code, table

from camcast.cli.app import app


def page() -> str:
    """The page."""
    lines = [
        "# Command line",
        "",
        (
            "Made from the program itself; `camcast COMMAND --help` says the same. Exit statuses: "
            "[Running](../running.md)."
        ),
    ]
    group = typer.main.get_command(app)
    for name, command in _commands(group, "camcast"):
        lines += ["", f"## `{name}`", "", *(command.help or command.short_help or "").strip().splitlines()]
        shown = [one for one in command.params if not getattr(one, "hidden", False)]
        arguments = [one for one in shown if isinstance(one, typer.core.TyperArgument)]
        options = [one for one in shown if isinstance(one, typer.core.TyperOption) and one.name != "help"]
        if arguments:
            lines += ["", *table(("argument", "what it is"), ((code(_metavar(one)), _help(one)) for one in arguments))]
        if options:
            lines += [
                "",
                *table(("option", "what it does"), ((code(", ".join(one.opts)), _help(one)) for one in options)),
            ]
    return "\n".join(lines) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, typer.core.TyperGroup):
        if not command.hidden:
            yield name, command
        return
    for word, one in command.commands.items():
        yield from _commands(one, f"{name} {word}")


def _metavar(argument: Any) -> str:
    word = str(argument.name).upper()
    return f"{word} …" if argument.nargs != 1 else word


def _help(parameter: Any) -> str:
    text = str(getattr(parameter, "help", "") or "")
    default = parameter.default
    if (
        isinstance(parameter, typer.core.TyperOption)
        and isinstance(default, str | int | float)
        and default not in ("", False)
    ):
        text += f" Default: {code(str(default))}." if default is not True else ""
    return text
