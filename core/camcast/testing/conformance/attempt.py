"""One transport under test with all that the core would give it, and the bench that makes them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import attrs

from camcast.contracts import Segment, TakesTagParts, Transport, TransportContext
from camcast.engine.handover import LoopHandover
from camcast.errors import TransportError
from camcast.host import PluginHost
from camcast.kinds import TransportKind
from camcast.media import Tag, Unit
from camcast.session.resolver import NameResolver
from camcast.target import Target
from camcast.testing.conformance import peers
from camcast.testing.conformance.media import Media, media_for, repeated, size_of
from camcast.testing.conformance.rule import broken, expect
from camcast.testing.conformance.watch import until


@attrs.frozen(kw_only=True)
class Bounds:
    """Seconds. What is promised, and how much a busy machine may add."""

    connect: float = 0.6
    """`connect_timeout` where it is meant to pass."""
    close: float = 2.0
    slack: float = 0.5
    blocked: float = 0.7
    """A call that takes longer waits for something."""
    drain: float = 5.0
    """Within which a willing peer acknowledges what was sent."""
    loss: float = 3.0
    """Within which a broken connection is noticed."""


@attrs.define(eq=False)
class Events:
    """Remembers what a transport tells, and on which thread."""

    losses: list[TransportError] = attrs.field(factory=list)
    texts: list[str] = attrs.field(factory=list)
    strangers: list[str] = attrs.field(factory=list)
    """Names of other threads that told something."""
    loop_thread: int = attrs.field(factory=threading.get_ident)

    def lost(self, error: TransportError) -> None:
        self._heard()
        self.losses.append(error)

    def redirect(self, url: str) -> None:
        self._heard()

    def keyframe_wanted(self) -> None:
        self._heard()

    def note(self, code: str, text: str) -> None:
        self._heard()
        self.texts.append(f"{code} {text}")

    def segment(self, segment: Segment) -> None:
        self._heard()

    def _heard(self) -> None:
        if threading.get_ident() != self.loop_thread:
            self.strangers.append(threading.current_thread().name)


@attrs.define(eq=False)
class Attempt:
    """A transport, its target and what it has told."""

    transport: Transport
    target: Target
    events: Events
    media: Media
    units: Iterator[tuple[Unit, int]]
    bounds: Bounds
    sent: int = 0
    """Bytes of media sent."""
    slowest: float = 0.0
    """Seconds that the slowest `send` took."""
    figures: list[tuple[int, int]] = attrs.field(factory=list)
    """(pending, acked) after each unit."""
    positions: list[int | None] = attrs.field(factory=list)
    """What `send` returned for each unit."""

    async def begin(self) -> None:
        await self.transport.connect()
        await self.transport.publish(self.media.tracks)

    def send(self) -> None:
        """The next unit."""
        unit, at = next(self.units)
        began = time.monotonic()
        transport, parts = self.transport, len(self.positions) % 2
        if parts and isinstance(unit, Tag) and isinstance(transport, TakesTagParts):
            self.positions.append(transport.send_tag(unit.type, at, unit.head, unit.body))
        else:
            self.positions.append(transport.send(unit, at))
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.sent += size_of(unit)
        self.look()

    async def feed(self, size: int, *, seconds: float = 10.0) -> None:
        """Send at least `size` bytes of media, letting the loop run in between."""
        end = self.sent + size
        deadline = time.monotonic() + seconds
        for count in itertools.count():
            if self.sent >= end or self.events.losses or time.monotonic() > deadline:
                return
            self.send()
            if count % 8 == 0:
                await asyncio.sleep(0)

    def look(self) -> tuple[int, int]:
        figures = (self.transport.pending, self.transport.acked)
        self.figures.append(figures)
        return figures

    async def drained(self) -> bool:
        def empty() -> bool:
            return self.look()[0] == 0

        return await until(empty, self.bounds.drain)

    async def close(self) -> float:
        """Close; how long it took. A transport that hangs is left behind."""
        limit = self.bounds.close + 3
        began = time.monotonic()
        task = asyncio.ensure_future(self.transport.close())
        await asyncio.wait([task], timeout=limit)
        if not task.done():
            task.cancel()
            broken(f"close() has not returned after {limit:g} s")
        task.result()
        return time.monotonic() - began


class TransportBench:
    """Makes attempts. `url` may hold `{n}`, which is another number for each attempt."""

    def __init__(
        self,
        host: PluginHost,
        kind: TransportKind,
        url: str,
        *,
        wire: str = peers.TCP,
        refusing: str | None = None,
        options: Mapping[str, Any] | None = None,
        target: Mapping[str, Any] | None = None,
        media: Media | None = None,
        by_silence: bool = False,
        bounds: Bounds | None = None,
        relay: Callable[[str], AbstractContextManager[peers.Between]] | None = None,
        memo: dict[str, Any] | None = None,
    ) -> None:
        self.host = host
        self.kind = kind
        self.wire = wire
        self.memo = {} if memo is None else memo
        self.by_silence = by_silence
        self.bounds = bounds or Bounds()
        self._url = url
        self._refusing = refusing
        self._options = dict(options or {})
        self._target = dict(target or {})
        self._media = media
        self._relay = relay or (lambda url: peers.Relay(url, wire))
        self._numbers = itertools.count(1)
        self._resolver = NameResolver()
        self._warm = False

    def url(self, pattern: str | None = None) -> str:
        return (pattern or self._url).replace("{n}", str(next(self._numbers)))

    def target(self, url: str | None = None, *, timeout: float = 5.0) -> Target:
        options = self.host.structure_options(self.kind, self._options, "options")
        values: dict[str, Any] = {"connect_timeout": timeout, **self._target}
        return Target(url=url or self.url(), transport=self.kind.name, options=options, **values)

    def media(self, target: Target) -> tuple[Media, list[Unit]]:
        acceptance = self.kind.accepts(target)
        if self._media is not None:
            return self._media, self._media.units(self.host, self.kind.payload, {})
        media, forms = media_for(self.host, acceptance, self.kind.payload)
        return media, media.units(self.host, self.kind.payload, forms)

    def attempt(self, url: str | None = None, *, timeout: float = 5.0) -> Attempt:
        """A new transport; on the loop."""
        target = self.target(url, timeout=timeout)
        media, units = self.media(target)
        events = Events()
        context = TransportContext(
            target=target,
            options=target.options,
            events=events,
            resolver=self._resolver,
            handover=LoopHandover(asyncio.get_running_loop()),
            codec=self.host.codec,
            label="cam0_main",
        )
        return Attempt(self.kind.build(context), target, events, media, repeated(units, media), self.bounds)

    @contextlib.asynccontextmanager
    async def live(self, url: str | None = None, *, timeout: float = 5.0) -> AsyncIterator[Attempt]:
        """An attempt that publishes; closed at the end."""
        attempt = self.attempt(url, timeout=timeout)
        try:
            await attempt.begin()
            yield attempt
        finally:
            await attempt.close()

    async def warm(self) -> None:
        """One whole attempt, so that what is loaded once and kept is not taken for a leak or for slowness."""
        if not self._warm:
            async with self.live() as attempt:
                await attempt.feed(20_000)
            self._warm = True

    def relay(self) -> AbstractContextManager[peers.Between]:
        return self._relay(self.url())

    @contextlib.contextmanager
    def silent(self) -> Iterator[str]:
        with peers.silent(self.url(), self.wire) as url:
            yield url

    @contextlib.contextmanager
    def refusing(self) -> Iterator[str]:
        if self._refusing is not None:
            yield self.url(self._refusing)
        else:
            with peers.closed(self.url(), self.wire) as url:
                yield url

    async def refusal(self, attempt: Attempt, within: float = 12.0) -> Exception:
        """What an attempt fails with that cannot succeed, whatever it is; by `lost` at the latest."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                await attempt.begin()
                # Some protocols know of a refusal only when media comes.
                while not attempt.events.losses:
                    attempt.send()
                    await asyncio.sleep(0.01)
        except TransportError as error:
            return error
        except TimeoutError:
            broken(f"no failure within {time.monotonic() - began:.1f} s, and none told by events.lost")
        except Exception as error:  # noqa: BLE001
            return error
        expect(attempt.events.losses, "no failure was told")
        return attempt.events.losses[0]


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """All that is logged meanwhile, with tracebacks."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    formatter = logging.Formatter("%(message)s")
    handler, root = Keep(level=logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
