"""What all commands share: where they print, how errors are told, and what the exit status means.

Exit status: 0 all well, 1 something failed, 2 the configuration (or the command line) is wrong.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from camcast.config import Config, ConfigFile
from camcast.errors import CamcastError, ConfigError, Issue
from camcast.host import Choice, PluginHost
from camcast.printable import printable

PIPED_WIDTH = 200
"""Columns of a table that goes into a file or a pipe, unless `COLUMNS` in the environment says how many."""


def _columns() -> int:
    """What `COLUMNS` says, as shells and other programs heed it; 0 = nothing."""
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() else 0


class _Errors(Console):
    """Where stderr itself cannot be written (a full disk), nobody can be told, and nothing else fails by it."""

    def print(self, *objects: Any, **options: Any) -> None:
        with suppress(OSError):
            super().print(*objects, **options)


def _console(*, stderr: bool) -> Console:
    # Names and texts come from files, cameras and servers: nothing in them is markup, nor the name of a small picture.
    made = _Errors if stderr else Console
    console = made(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not _columns():
        console.width = PIPED_WIDTH
    return console


output = _console(stderr=False)
errors = _console(stderr=True)

FAILED = 1
WRONG = 2


def print_anything() -> None:
    """Characters that the terminal's or the pipe's encoding lacks are written as `\\u2026` and end no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors that people can act on into their text and an exit status; others are bugs and show a trace."""
    try:
        yield
    except ConfigError as error:
        tell(error.issues)
        raise typer.Exit(WRONG) from None
    except BrokenPipeError:
        raise  # who reads has read enough, which click ends without a word
    except (CamcastError, OSError) as error:
        fail(str(error))
        raise typer.Exit(FAILED) from None


def fail(text: str) -> None:
    """One line on stderr, of what ends the command."""
    _say("error", "red", text)


def warn(text: str) -> None:
    """One line on stderr."""
    _say("note", "yellow", text)


def _say(word: str, style: str, text: str) -> None:
    # Texts may hold brackets, which are not markup, and are never broken: they are searched for.
    errors.print(Text.assemble((f"{word}: ", style), printable(text, keep="\n")), soft_wrap=True)


@attrs.frozen
class Blocked:
    """What the global `--block` named. It is the command line's context object."""

    names: tuple[str, ...] = ()


def find_plugins(context: typer.Context, choice: Choice | None = None) -> PluginHost:
    """The installed plugins, without those that `--block` or `choice`, a configuration's, leaves out."""
    blocked = context.find_root().obj
    names = blocked.names if isinstance(blocked, Blocked) else ()
    said = [Choice(block=names, said_by="--block")] if names else []
    return PluginHost(choices=[*said, choice] if choice else said)


def load_host(context: typer.Context, choice: Choice | None = None) -> PluginHost:
    """The same; each plugin with which something is wrong is told on stderr."""
    host = find_plugins(context, choice)
    for problem in host.problems:
        warn(f"plugin {problem}")
    return host


def load_file(context: typer.Context, path: Path) -> tuple[Config, PluginHost]:
    """A configuration, with what the environment says, and the plugins that it wants. Raises `ConfigError`."""
    file = ConfigFile.read(path, os.environ)
    host = load_host(context, file.plugins.choice)
    return file.resolve(host), host


def load_here(context: typer.Context, path: Path, *, regardless: bool) -> tuple[Config, PluginHost, tuple[Issue, ...]]:
    """The same, and what of it cannot run on this machine. Raises `ConfigError` for that too, unless `regardless`."""
    file = ConfigFile.read(path, os.environ)
    host = load_host(context, file.plugins.choice)
    try:
        return file.resolve(host, here=True), host, ()
    except ConfigError as error:
        if not regardless:
            raise
        return file.resolve(host), host, error.issues


def tell(issues: Iterable[Issue]) -> None:
    """What is wrong, a line each on stderr."""
    for issue in issues:
        _say("error", "red", str(issue))


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """An empty table in the house's look; `numbers` are columns aligned to the right."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def print_json(value: object) -> None:
    typer.echo(to_json(value))


def to_json(value: object) -> str:
    return json.dumps(value, indent=2, default=_plain_value)


def _plain_value(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if attrs.has(type(value)):
        return attrs.asdict(value, recurse=False)  # type: ignore[arg-type]
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
