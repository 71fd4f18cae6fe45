"""`camcast check --sources`: every source opened for a moment, and what comes compared with what is expected.

It runs an engine without outputs, so that what is told is what `camcast run` would tell.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import attrs

from camcast.config import Config
from camcast.engine import Engine, Stats
from camcast.events import Event, SourceChanged, SourceNote, SourceState
from camcast.host import PluginHost

OPENING = 10.0
"""Seconds that a source has to bring its first picture."""
LOOKING = 1.0
"""Seconds more, in which it shows what it is."""

_SETTLED = (SourceState.RUNNING, SourceState.ENDED, SourceState.FAILED)


async def compare_sources(config: Config, host: PluginHost) -> tuple[list[str], bool]:
    """(one line for each stream and each difference, whether all sources brought what is expected)."""
    seen: list[Event] = []
    async with Engine(_without_outputs(config, host), host=host) as engine:
        if engine.stats().streams:
            with contextlib.suppress(TimeoutError):
                await _watch(engine, seen)
        stats = engine.stats()
    notes = [event for event in seen if isinstance(event, SourceNote)]
    failures = {event.label: event.reason for event in seen if isinstance(event, SourceChanged) and event.reason}
    lines = list(_lines(stats, failures))
    well = all(stream.video_received or stream.audio_received for stream in stats.streams)
    wrong = [note for note in notes if note.level != "info"]
    lines += [f"{note.label}: {note.message}" for note in wrong]
    return [*lines, *_oddities(notes)], well and not wrong


def _oddities(notes: Sequence[SourceNote]) -> Iterator[str]:
    """What is odd about a source and needs no action: one line for each stream."""
    by_label: dict[str, list[str]] = {}
    for note in notes:
        if note.level == "info":
            by_label.setdefault(note.label, []).append(note.message)
    for label, messages in by_label.items():
        yield f"{label}: odd, and taken as it is: {'; '.join(messages)}"


def _without_outputs(config: Config, host: PluginHost) -> Config:
    """The same streams without sessions; sources that an embedding program feeds are left out."""
    cameras = []
    for camera in config.cameras:
        streams = tuple(
            attrs.evolve(stream, sessions=(), slate=None)
            for stream in camera.streams
            if stream.enabled and not host.source(stream.source.type).in_process
        )
        cameras.append(attrs.evolve(camera, streams=streams))
    return attrs.evolve(config, cameras=tuple(cameras), system=attrs.evolve(config.system, workers=1))


async def _watch(engine: Engine, seen: list[Event]) -> None:
    """Gather events until all sources have had their time; always ends in `TimeoutError`, or with the engine."""
    async with asyncio.timeout(OPENING) as limit:
        settled = False
        async for event in engine.events():
            seen.append(event)
            if not settled and all(stream.state in _SETTLED for stream in engine.stats().streams):
                settled = True
                limit.reschedule(asyncio.get_running_loop().time() + LOOKING)


def _lines(stats: Stats, failures: dict[str, str]) -> Iterator[str]:
    for stream in stats.streams:
        if stream.video_received or stream.audio_received:
            yield f"{stream.label}: media comes"
        else:
            why = failures.get(stream.label) or stream.last_error or "nothing came"
            yield f"{stream.label}: no media: {why}"
