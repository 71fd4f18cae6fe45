"""`camcast check --sources`: every source opened for a while, and what comes compared with what is expected.

It runs an engine without outputs, so that what is told is what `camcast run` would tell.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import attrs

from camcast.camera.stats import StreamMetrics
from camcast.cli.check_platforms import platform_lines
from camcast.cli.quiet import quiet
from camcast.cli.source_facts import SourceFacts, watch
from camcast.config import Config
from camcast.engine import Engine
from camcast.events import Event, SourceChanged, SourceNote, SourceState
from camcast.host import PluginHost
from camcast.platform_wants import Seen

OPENING = 10.0
"""Seconds that a source has to bring its first picture."""
LOOKING = 10.0
"""Seconds that it is looked at from then on, if it does not end before: long enough for a clock to show that it runs
wrong. What a camera makes of signs of life shows later, within a third of the time that its session lasts (mostly
20 s)."""

_OVER = (SourceState.WAITING, SourceState.ENDED, SourceState.FAILED)


@attrs.define
class _Look:
    """At one stream. Times are the loop's."""

    until: float
    """When it ends, unless something happens."""
    looking: float
    """Seconds for a source that runs."""
    begun: float | None = None
    """When media came."""
    over: bool = False
    reason: str = ""
    """Why it brought nothing, or nothing more."""
    lasted: float = 0.0

    def take(self, event: SourceChanged, now: float) -> None:
        """A change of its source's state."""
        if self.over:
            return
        if event.new is SourceState.RUNNING and self.begun is None:
            self.begun, self.until = now, now + self.looking
        elif event.new in _OVER:
            self.reason = event.reason
            if self.begun is not None:
                self.lasted = now - self.begun
            # One that waits before anything came is tried again meanwhile.
            self.over = self.begun is not None or event.new is not SourceState.WAITING


@attrs.frozen(kw_only=True)
class Examined:
    """What became of looking at sources."""

    lines: list[str]
    """One for each stream, what it brings, and each difference from what is expected."""
    came: bool
    """Whether all brought media for as long as they were looked at."""
    well: bool
    """Whether all brought what is expected, too."""
    seen: dict[str, Seen | None]
    """What each brought, by label."""


async def compare_sources(config: Config, host: PluginHost, looking: float = LOOKING) -> tuple[list[str], bool]:
    """(what there is to say, whether all brought what is expected); see `examine`."""
    found = await examine(config, host, looking)
    return found.lines, found.well


async def examine(config: Config, host: PluginHost, looking: float = LOOKING) -> Examined:
    """Open all sources and look at them together; `looking`: seconds for each that runs."""
    engine = Engine(_without_outputs(config, host), host=host)
    events = engine.events()
    async with engine:
        until = asyncio.get_running_loop().time() + OPENING
        looks = {stream.label: _Look(until, looking) for stream in engine.stats().streams}
        feeds = {
            stream.label: SourceFacts(engine.cameras.feed(stream.camera_id, stream.stream_id))
            for stream in engine.stats().streams
        }
        watching = asyncio.create_task(watch(list(feeds.values())))
        try:
            seen = await _watch(events, looks)
        finally:
            watching.cancel()
        streams = engine.stats().streams
        facts = {
            label: [*feed.lines(), *(f"  {line}" for line in platform_lines(config, host, label, feed.seen()))]
            for label, feed in feeds.items()
        }
    notes = [event for event in seen if isinstance(event, SourceNote)]
    wrong = [note for note in notes if note.level != "info"]
    lines = [line for stream in streams for line in (_line(stream, looks[stream.label]), *facts[stream.label])]
    lines += [f"{note.label}: {note.message}" for note in wrong]
    came = all(_came(stream) and not looks[stream.label].reason for stream in streams)
    return Examined(
        lines=[*lines, *_oddities(notes)],
        came=came,
        well=came and not wrong,
        seen={label: feed.seen() for label, feed in feeds.items()},
    )


def _oddities(notes: Sequence[SourceNote]) -> Iterator[str]:
    """What is odd about a source and needs no action: one line for each stream."""
    by_label: dict[str, list[str]] = {}
    for note in notes:
        if note.level == "info":
            by_label.setdefault(note.label, []).append(note.message)
    for label, messages in by_label.items():
        yield f"{label}: odd, and taken as it is: {'; '.join(messages)}"


def _without_outputs(config: Config, host: PluginHost) -> Config:
    """The same streams without sessions and services; sources that an embedding program feeds are left out."""
    cameras = []
    for camera in config.cameras:
        streams = tuple(
            attrs.evolve(stream, sessions=(), slate=None)
            for stream in camera.streams
            if stream.enabled and not host.source(stream.source.type).in_process
        )
        cameras.append(attrs.evolve(camera, streams=streams))
    return quiet(attrs.evolve(config, cameras=tuple(cameras)))


async def _watch(events: AsyncIterator[Event], looks: Mapping[str, _Look]) -> list[Event]:
    """What happens until all sources have had their time."""
    seen: list[Event] = []
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(_end(looks)) as limit:
            async for event in events:
                seen.append(event)
                look = looks.get(event.label)
                if look is not None and isinstance(event, SourceChanged):
                    look.take(event, loop.time())
                    limit.reschedule(_end(looks))
    return seen


def _end(looks: Mapping[str, _Look]) -> float:
    """When all have been looked at; a moment after the last ended, for what is said about that."""
    soon = asyncio.get_running_loop().time() + 0.1
    return max((soon if look.over else look.until for look in looks.values()), default=soon)


def _came(stream: StreamMetrics) -> bool:
    return bool(stream.video_received or stream.audio_received)


def _line(stream: StreamMetrics, look: _Look) -> str:
    if _came(stream):
        ended = f", but ended after {look.lasted:.0f} s: {look.reason}" if look.reason else ""
        return f"{stream.label}: media comes{ended}"
    dropped = ", ".join(f"{count} {reason}" for reason, count in stream.dropped.items())
    shown = f"nothing that could be shown came ({dropped})" if dropped else "nothing came"
    waits = f"the source waits for {stream.waits_for}" if stream.waits_for else ""
    return f"{stream.label}: no media: {look.reason or waits or stream.last_error or shown}"
