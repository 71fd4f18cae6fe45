"""`camcast run FILE`: runs a configuration until a signal, the end of its media, or a given time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from camcast.cli.display import Display, choose_display
from camcast.cli.summary import Summary, summarise
from camcast.cli.terminal import FAILED, WRONG, errors, explained, load_file, output, print_json, warn
from camcast.config import Config, load
from camcast.engine import Engine
from camcast.errors import CamcastError
from camcast.events import SessionState
from camcast.host import PluginHost

LOOK = 0.25
"""Seconds between two looks at whether there is anything left to do."""
DRAIN = 5.0
"""Seconds for the last bytes to be acknowledged once all media has ended."""


def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Configuration: JSON, or TOML where the name ends in .toml.")],
    duration: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=0.0)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print all figures as JSON on stdout.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines instead of the live table.")] = False,
) -> None:
    """Run a configuration. SIGINT and SIGTERM stop it cleanly, SIGHUP reads the file again.

    Exit status: 0 when every session was healthy at the end, 1 when one was not, 2 when the configuration is wrong.
    """
    with explained():
        config, host = load_file(context, file)
    for note in config.notes:
        warn(note)
    if not any(True for _ in config.sessions()):
        warn("nothing to run: no camera has an enabled stream with an enabled output")
        raise typer.Exit(WRONG)
    display = choose_display(live=output.is_terminal and not (plain or as_json), level=config.system.log_level)
    with explained(), display:
        summary = asyncio.run(supervise(config, host, display, duration=duration, file=file))
    if as_json:
        print_json(summary)
    else:
        errors.print(summary.text)
    raise typer.Exit(0 if summary.healthy else FAILED)


async def supervise(
    config: Config, host: PluginHost, display: Display, *, duration: float | None = None, file: Path | None = None
) -> Summary:
    """Run an engine until it is time to stop; `file` is read again on SIGHUP."""
    stop = asyncio.Event()
    with stop_signals(stop):
        async with Engine(config, host=host) as engine:
            async with beside(display.watch(engine), _reloads(engine, file)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(duration):
                        await _until_done(engine, stop)
            before = engine.stats()
            await engine.stop()
            return summarise(before, engine.stats())


async def _until_done(engine: Engine, stop: asyncio.Event) -> None:
    """Until asked to stop, or until nothing more can be sent."""
    drained_by: float | None = None
    while not stop.is_set():
        sessions = list(engine.sessions)
        if sessions and all(session.state is SessionState.FAILED for session in sessions):
            return
        if engine.sources_ended:
            drained_by = drained_by or time.monotonic() + DRAIN
            if time.monotonic() > drained_by or not any(session.metrics.pending for session in sessions):
                return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await stop.wait()


async def _reloads(engine: Engine, file: Path | None) -> None:
    """Read the file again on every SIGHUP; a wrong file changes nothing."""
    if file is None:
        return
    log = logging.getLogger("camcast")
    loop = asyncio.get_running_loop()
    hangup = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    try:
        while True:
            await hangup.wait()
            hangup.clear()
            try:
                changes = await engine.reload(await asyncio.to_thread(load, file, engine.host))
            except CamcastError as error:
                log.error("Not reloaded, everything goes on as before: %s", error)
            except Exception:
                log.exception("Internal error while reloading")
            else:
                log.info("Reloaded: %s", ", ".join(changes) or "nothing has changed")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


@contextlib.asynccontextmanager
async def beside(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Run coroutines while the block runs, and end them with it."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                logging.getLogger("camcast").error("Internal error", exc_info=result)


@contextlib.contextmanager
def stop_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop` once; a second one then does what it does to any program."""
    loop = asyncio.get_running_loop()
    ending = (signal.SIGINT, signal.SIGTERM)

    def end() -> None:
        stop.set()
        for number in ending:
            loop.remove_signal_handler(number)

    for number in ending:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in ending:
            loop.remove_signal_handler(number)
