"""What `camcast run` and `camcast push` do once they know what is to run: it runs, is shown, and ends the process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import attrs
import typer

from camcast import ours
from camcast.cli.display import choose_display
from camcast.cli.logs import LogFormat, LogLevel, Logs
from camcast.cli.signals import asked
from camcast.cli.supervise import Reading, supervise
from camcast.cli.terminal import FAILED, errors, explained, output, print_json
from camcast.config import Config, ServiceConfig
from camcast.descriptors import raise_limit
from camcast.host import PluginHost


@attrs.frozen(kw_only=True)
class Showing:
    """How it is shown."""

    as_json: bool = False
    """At the end, all figures as JSON on stdout."""
    plain: bool = False
    """Log lines instead of the live table."""
    log_format: LogFormat = LogFormat.TEXT
    log_file: Path | None = None


def carry_out(
    config: Config,
    host: PluginHost,
    reading: Reading,
    showing: Showing,
    *,
    duration: float | None,
    services: Sequence[ServiceConfig],
) -> NoReturn:
    """Run until it is time to stop, and leave with the exit status that says how it was."""
    raise_limit()
    ours.settle()
    live = output.is_terminal and not (showing.plain or showing.as_json)
    with explained():
        logs = Logs(showing.log_format, showing.log_file)
        display = choose_display(live=live, level=config.system.log_level, logs=logs)
        with display:
            summary = asyncio.run(supervise(config, host, display, reading, duration=duration, services=services))
    # An end in order that somebody wanted is none that a service manager has to do something about.
    status = 0 if summary.healthy or asked.terminated else FAILED
    if showing.as_json:
        print_json(summary)
    elif not display.stuck:
        errors.print(summary.text)
    if display.stuck:
        sys.stdout.flush()
        asked.leave(status)
    raise typer.Exit(status)


def interface(config: Config) -> list[ServiceConfig]:
    """The HTTP interface that `--http` asks for; none beside one that the file has, which would find the port taken."""
    return [] if any(one.type == "http" for one in config.services) else [ServiceConfig(type="http")]


def with_level(config: Config, level: LogLevel | None) -> Config:
    """The same, logging from this level on in every process."""
    if level is None:
        return config
    return attrs.evolve(config, system=attrs.evolve(config.system, log_level=level.value))
