"""One source under test with all that the core would give it, and the bench that makes them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

from camcast.contracts import Source, SourceContext
from camcast.engine.handover import LoopHandover
from camcast.host import PluginHost
from camcast.kinds import SourceKind
from camcast.media import Frame, MediaKind, Packet, Track
from camcast.session.resolver import NameResolver
from camcast.testing.conformance.attempt import Bounds
from camcast.testing.conformance.rule import broken, expect
from camcast.testing.conformance.watch import until

ENOUGH = 12
"""Packets or frames that show how a source behaves."""
BAD_URL = "nosuch://someone:hidden-password@127.0.0.1:9/hidden-path"


@attrs.define(eq=False)
class Sink:
    """Remembers what it is given, in order, and on which thread."""

    loop_thread: int = attrs.field(factory=threading.get_ident)
    calls: list[tuple[str, Any]] = attrs.field(factory=list)
    media: list[Packet | Frame] = attrs.field(factory=list)
    taken_at: list[int] = attrs.field(factory=list)
    strangers: list[str] = attrs.field(factory=list)

    def tracks(self, tracks: Sequence[Track]) -> None:
        self._call("tracks", tuple(tracks))

    def packet(self, packet: Packet) -> None:
        self._media("packet", packet)

    def frame(self, frame: Frame) -> None:
        self._media("frame", frame)

    def discontinuity(self) -> None:
        self._call("discontinuity", None)

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        self._call("dropped", (kind, reason, count))

    def _media(self, name: str, media: Packet | Frame) -> None:
        self._call(name, media)
        self.media.append(media)
        self.taken_at.append(time.monotonic_ns())

    def _call(self, name: str, value: object) -> None:
        if threading.get_ident() != self.loop_thread:
            self.strangers.append(threading.current_thread().name)
        self.calls.append((name, value))


@attrs.define(eq=False)
class Run:
    """A source, where its media goes, and its task once it runs."""

    source: Source
    sink: Sink
    context: SourceContext
    task: asyncio.Task[None] | None = None

    async def media(self, count: int = ENOUGH, seconds: float = 15.0) -> None:
        """Wait for so much media; raises what the source raises."""
        assert self.task is not None
        task = self.task
        await until(lambda: len(self.sink.media) >= count or task.done(), seconds)
        if task.done() and not task.cancelled() and task.exception() is not None:
            task.result()
        expect(len(self.sink.media) >= count, f"{len(self.sink.media)} packets or frames within {seconds:g} s")

    async def stop(self, within: float = 2.0) -> float:
        """Cancel; how long it took to end."""
        assert self.task is not None
        began = time.monotonic()
        self.task.cancel()
        await asyncio.wait([self.task], timeout=within + 3)
        if not self.task.done():
            broken(f"run() has not returned {within + 3:g} s after it was cancelled")
        if not self.task.cancelled():
            self.task.exception()
        return time.monotonic() - began


class SourceBench:
    """Makes runs."""

    def __init__(
        self,
        host: PluginHost,
        kind: SourceKind,
        url: str,
        *,
        bad_url: str = BAD_URL,
        options: Mapping[str, Any] | None = None,
        drive: Callable[[Run], Awaitable[None]] | None = None,
        bounds: Bounds | None = None,
        memo: dict[str, Any] | None = None,
    ) -> None:
        self.host, self.kind, self.url, self.bad_url = host, kind, url, bad_url
        self.bounds = bounds or Bounds()
        self._options = dict(options or {})
        self._drive = drive
        self._memo = {} if memo is None else memo
        self._warm = False

    def run(self, url: str | None = None) -> Run:
        """A source that does not run yet; on the loop."""
        context = SourceContext(
            url=self.url if url is None else url,
            options=self.host.structure_options(self.kind, self._options, "options"),
            camera_id=0,
            stream_id=0,
            stream_name="main",
            camera_name="gate",
            width=320,
            height=240,
            frame_rate=25.0,
            codec=self.host.codec,
            handover=LoopHandover(asyncio.get_running_loop()),
            log=logging.getLogger("camcast.conformance"),
            resolver=NameResolver(),
        )
        return Run(self.kind.build(context), Sink(), context)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Run]:
        """A source that runs and is fed, where it is one that the embedding program feeds."""
        run = self.run()
        run.task = asyncio.create_task(run.source.run(run.sink))
        driver = asyncio.ensure_future(self._drive(run)) if self._drive else None
        try:
            yield run
        finally:
            if driver is not None:
                driver.cancel()
                await asyncio.wait([driver])
            await run.stop()

    async def recorded(self) -> Sink:
        """What a run brings in its first seconds; run once."""
        if "recorded" not in self._memo:
            async with self.running() as run:
                await run.media(3 * ENOUGH)
            self._memo["recorded"] = run.sink
        sink: Sink = self._memo["recorded"]
        return sink

    async def warm(self) -> None:
        if not self._warm:
            async with self.running() as run:
                await run.media(1)
            self._warm = True
