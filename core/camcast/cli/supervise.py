"""Runs an engine until it is time to stop, ends it in order, and sums up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs

from camcast.cli import file_watch
from camcast.cli.display import Display
from camcast.cli.service_manager import ServiceManager
from camcast.cli.signals import asked
from camcast.cli.summary import Summary, summarise
from camcast.config import Config, ServiceConfig
from camcast.engine import Engine
from camcast.errors import CamcastError, DeadlineError
from camcast.events import ReloadRefused, SessionState
from camcast.host import PluginHost
from camcast.session.hook_threads import HookThreads
from camcast.session.session_manager import SessionHandle

LOOK = 0.25
"""Seconds between two looks at whether there is anything left to do."""
DRAIN = 5.0
"""Seconds for the last bytes to be acknowledged once all media has ended."""
HURRY = 1.0
"""Seconds for an orderly end once a second signal has asked for it."""
END_DEADLINE = 20.0
"""Seconds from asking for the end until the process is gone, whatever keeps it."""
READ_DEADLINE = 120.0
"""Seconds for reading the configuration again, on a thread."""

log = logging.getLogger("camcast")


class Wanted:
    """What signals have asked for, as events of the loop."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.reload = asyncio.Event()
        self.reopen = asyncio.Event()
        self._reloads = 0
        self._reopenings = 0

    def look(self) -> None:
        """Set the events by what has been asked."""
        if asked.stops:
            self.stop.set()
        if asked.stops > 1:
            self.hurry.set()
        if asked.reloads > self._reloads:
            self._reloads = asked.reloads
            self.reload.set()
        if asked.reopenings > self._reopenings:
            self._reopenings = asked.reopenings
            self.reopen.set()


@contextlib.contextmanager
def signals() -> Iterator[Wanted]:
    """Within, signals set events."""
    wanted, loop = Wanted(), asyncio.get_running_loop()
    with asked.listening(lambda: loop.call_soon_threadsafe(wanted.look)):
        yield wanted


@attrs.frozen
class Reading:
    """Where the configuration comes from."""

    file: Path | None
    """None: the command line said it all."""
    again: Callable[[], Config]
    """Reads it once more, on a thread. Raises `ConfigError`."""
    watch: bool = False
    """Whether it is read again by itself when its files change, whatever `system.watch` says."""


@attrs.frozen(kw_only=True)
class Program:
    """What services may ask of this command: see `Engine.program`."""

    again: Callable[[], Awaitable[list[str]]]
    end: asyncio.Event

    async def reload(self) -> list[str]:
        return await self.again()

    def stop(self) -> None:
        asked.terminated = True
        self.end.set()


async def supervise(
    config: Config,
    host: PluginHost,
    display: Display,
    reading: Reading,
    *,
    duration: float | None = None,
    services: Sequence[ServiceConfig] = (),
) -> Summary:
    """Run an engine until it is time to stop; whoever manages services is told how it is.

    `services`: those of this command's own, which no configuration changes.
    """
    manager = ServiceManager(os.environ)
    engine = Engine(config, host=host, beside=services)
    with signals() as wanted:
        again = partial(_reload, engine, reading.again, display, manager, HookThreads())
        engine.program = Program(again=again, end=wanted.stop)
        async with engine:
            manager.ready()
            reloads = _reloads(again, wanted.reload)
            reopenings = _reopenings(display, wanted.reopen)
            work = [display.watch(engine), manager.watch(engine), reloads, reopenings]
            if reading.file is not None:
                files = file_watch.Files(reading.file, lambda: engine.config.include)
                watched = partial(_is_watched, reading, engine)
                work.append(file_watch.watch(files, watched, wanted.reload.set))
            async with beside(*work):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(duration):
                        await until_done(engine, wanted.stop)
            manager.stopping()
            await engine.refresh()
            before = engine.stats()
            await stop_in_order(engine, wanted.hurry)
            return summarise(before, engine.stats())


def _is_watched(reading: Reading, engine: Engine) -> bool:
    return reading.watch or engine.config.system.watch


async def stop_in_order(engine: Engine, hurry: asyncio.Event) -> None:
    """End the engine; quicker once `hurry` is set."""
    asked.end_within(END_DEADLINE)
    stopping, hurrying = asyncio.ensure_future(engine.stop()), asyncio.ensure_future(hurry.wait())
    await asyncio.wait({stopping, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if not stopping.done():
        await engine.stop(within=HURRY)
    await stopping


async def until_done(engine: Engine, stop: asyncio.Event) -> None:
    """Until asked to stop, or until nothing more can be sent."""
    drained_by: float | None = None
    while not stop.is_set():
        sessions = list(engine.sessions)
        if sessions and all(map(_is_over, sessions)):
            return
        if engine.sources_ended:
            drained_by = drained_by or time.monotonic() + DRAIN
            if time.monotonic() > drained_by or not any(session.metrics.pending for session in sessions):
                return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await stop.wait()


def _is_over(session: SessionHandle) -> bool:
    """Whether it has given up and will not try again by itself."""
    return session.state is SessionState.FAILED and session.config.revive_after is None


async def _reopenings(display: Display, asked_for: asyncio.Event) -> None:
    while True:
        await asked_for.wait()
        asked_for.clear()
        display.reopen_log()


async def _reloads(again: Callable[[], Awaitable[object]], asked_for: asyncio.Event) -> None:
    """Read the configuration again whenever it is asked for."""
    while True:
        await asked_for.wait()
        asked_for.clear()
        # What is wrong has been told.
        with contextlib.suppress(CamcastError):
            await again()


async def _reload(
    engine: Engine, read: Callable[[], Config], display: Display, manager: ServiceManager, threads: HookThreads
) -> list[str]:
    """Read the configuration again; returns what changed. A wrong one changes nothing; raises `CamcastError`."""
    with manager.reloading():
        return await _changed(engine, lambda: threads.run(read, READ_DEADLINE), display)


async def _changed(engine: Engine, read: Callable[[], Awaitable[Config]], display: Display) -> list[str]:
    try:
        config = await read()
        before, level = engine.config.system.log_level, config.system.log_level
        changes = await engine.reload(config)
        if level != before:
            display.set_level(level)
            log.info("system.log_level is %s now", level)
    except CamcastError as error:
        engine.tell(ReloadRefused(label="configuration", error=str(error)))
        raise
    except TimeoutError:
        late = f"reading the configuration takes longer than {READ_DEADLINE:g} s"
        engine.tell(ReloadRefused(label="configuration", error=late))
        raise DeadlineError(late) from None
    except Exception as error:
        log.exception("Internal error while reloading")
        raise CamcastError(f"internal error: {type(error).__name__}") from error
    return changes


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
                log.error("Internal error", exc_info=result)
