"""`camcast check --publish-test SECONDS`: everything runs for so long, for real, and what became of it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from camcast.camera.stats import StreamMetrics
from camcast.cli import sockets
from camcast.cli.quiet import always_on, quiet
from camcast.cli.summary import sound, summarise
from camcast.cli.supervise import Wanted, beside, signals, stop_in_order, until_done
from camcast.config import Config
from camcast.engine import Engine, Stats
from camcast.errors import CamcastError
from camcast.events import Event, Note
from camcast.host import PluginHost
from camcast.session.health import Health
from camcast.session.metrics import SessionMetrics


def refuse_beside(file: Path) -> None:
    """Raises `CamcastError` while a run of this file's name answers: both would publish under the same names."""
    name = sockets.name_of(file)
    if path := sockets.answering(name):
        raise CamcastError(
            f"a camcast called {name} runs here ({path}), and what it publishes would be published a second time: end "
            f"it first (camcast stop --name {name}); where that one runs another file, give this one another name"
        )


async def publish(config: Config, host: PluginHost, seconds: float) -> tuple[list[str], bool]:
    """(what became of each session, whether all is as `camcast run` calls it well).

    It ends early when nothing more will come of any source, and at a signal, then as `camcast run` does.
    """
    config = always_on(quiet(config))
    if next(config.sessions(), None) is None:
        return ["nothing to publish: no camera has an enabled stream with an enabled output"], False
    engine = Engine(config, host=host)
    notes: dict[str, dict[str, None]] = {}
    with signals() as wanted:
        events = engine.events()
        async with engine:
            async with beside(_hear(events, notes), _hung_up(wanted)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await until_done(engine, wanted.stop)
            before, interrupted = engine.stats(), wanted.stop.is_set()
            await stop_in_order(engine, wanted.hurry)
            summary = summarise(before, engine.stats())
    lines = [f"ended by a signal, after {before.uptime:.0f} s"] if interrupted else []
    well = {str(session["key"]): sound(session) for session in summary.sessions}
    for session in before.sessions:
        lines += report(session, _stream(before, session), well[str(session.key)], notes.get(session.label, {}))
    return lines, summary.healthy


async def _hear(events: AsyncIterator[Event], notes: dict[str, dict[str, None]]) -> None:
    async for event in events:
        if isinstance(event, Note):
            notes.setdefault(event.label, {}).setdefault(event.message)


async def _hung_up(wanted: Wanted) -> None:
    """SIGHUP, by which a run reads its file again, ends what is only tried."""
    await wanted.reload.wait()
    wanted.stop.set()


def _stream(stats: Stats, session: SessionMetrics) -> StreamMetrics:
    key = (session.key.camera_id, session.key.stream_id)
    return next(stream for stream in stats.streams if (stream.camera_id, stream.stream_id) == key)


def report(session: SessionMetrics, stream: StreamMetrics, well: bool, notes: Mapping[str, None]) -> Iterator[str]:
    if well:
        yield f"{session.label}: published to {session.target}: {_figures(session)}"
    elif session.health is Health.UNCONFIRMED:
        yield f"{session.label}: sent to {session.target}, but nobody can say whether it is taken: {_figures(session)}"
    else:
        yield f"{session.label}: not published to {session.target}: {_why(session, stream)}"
    if session.unconfirmed:
        yield f"  {session.unconfirmed}"
    for text in notes:
        yield f"  {text}"


def _figures(session: SessionMetrics) -> str:
    sent = f"{session.uptime:.0f} s, {session.video_sent} pictures and {session.audio_sent} packets of sound sent"
    if session.frames_dropped:
        sent += f", {session.frames_dropped} dropped"
    if session.attempts == 1 and not session.failed_attempts:
        return f"{sent}, {(session.bytes_sent - session.pending) / 1000:.0f} kB acknowledged"
    # What went over connections that are gone may not have arrived.
    failed = f"{session.failed_attempts} of {session.attempts} attempts failed"
    failed += f": {session.last_error}" if session.last_error else ""
    return f"{sent}, {session.bytes_sent / 1000:.0f} kB in all; {failed}"


def _why(session: SessionMetrics, stream: StreamMetrics) -> str:
    if session.last_error:
        return session.last_error
    if session.health is Health.WAITING:
        why = f"the source waits for {stream.waits_for}" if stream.waits_for else stream.last_error
        return f"no media came{': ' if why else ''}{why}"
    return "nothing was acknowledged, or hardly a picture arrives whole"
