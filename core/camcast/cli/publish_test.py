"""`camcast check --publish-test SECONDS`: everything runs for so long, for real, and what was acknowledged is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import attrs

from camcast.config import Config
from camcast.engine import Engine
from camcast.events import Note, SessionState
from camcast.host import PluginHost
from camcast.session.metrics import SessionMetrics


async def publish(config: Config, host: PluginHost, seconds: float) -> tuple[list[str], bool]:
    """(what became of each session, whether all were on the air at the end and something was acknowledged).

    Services stay out: nobody is told of what is only tried.
    """
    system = attrs.evolve(config.system, workers=1)
    engine = Engine(attrs.evolve(config, services=(), system=system), host=host)
    notes: dict[str, dict[str, None]] = {}
    events = engine.events()
    async with engine:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for event in events:
                    if isinstance(event, Note):
                        notes.setdefault(event.label, {}).setdefault(event.message)
        sessions = engine.stats().sessions
    lines = [line for session in sessions for line in _report(session, notes.get(session.label, {}))]
    return lines, bool(sessions) and all(map(_well, sessions))


def _well(session: SessionMetrics) -> bool:
    return session.state is SessionState.CONNECTED and session.bytes_sent > session.pending


def _report(session: SessionMetrics, notes: dict[str, None]) -> Iterator[str]:
    if _well(session):
        acknowledged = session.bytes_sent - session.pending
        dropped = f", {session.frames_dropped} dropped" if session.frames_dropped else ""
        yield (
            f"{session.label}: published to {session.target}: {session.uptime:.0f} s, {session.video_sent} pictures "
            f"and {session.audio_sent} packets of sound sent{dropped}, {acknowledged / 1000:.0f} kB acknowledged"
        )
    else:
        why = session.last_error or "no media came, or nothing was acknowledged"
        yield f"{session.label}: not published to {session.target}: {why}"
    if session.unconfirmed:
        yield f"  {session.unconfirmed}"
    for text in notes:
        yield f"  {text}"
