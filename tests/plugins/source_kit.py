"""What tests of sources share: a sink that remembers, a context, codecs that pass bytes through, a hand-made clock."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import av

from camcast.contracts import MediaSink, Source, SourceContext
from camcast.errors import MediaError
from camcast.kinds import CodecKind
from camcast.media import Frame, MediaKind, Packet, Track


@attrs.define(eq=False)
class Sink:
    """Remembers all it is given, in order."""

    packets: list[Packet] = attrs.field(factory=list)
    frames: list[Frame] = attrs.field(factory=list)
    announced: list[list[Track]] = attrs.field(factory=list)
    breaks: int = 0
    drops: Counter[tuple[MediaKind, str]] = attrs.field(factory=Counter)
    on_media: Callable[[], object] = lambda: None

    def tracks(self, tracks: Sequence[Track]) -> None:
        self.announced.append(list(tracks))

    def packet(self, packet: Packet) -> None:
        assert self.announced, "a packet came before tracks() was called"
        self.packets.append(packet)
        self.on_media()

    def frame(self, frame: Frame) -> None:
        assert self.announced, "a frame came before tracks() was called"
        self.frames.append(frame)
        self.on_media()

    def discontinuity(self) -> None:
        self.breaks += 1

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        self.drops[kind, reason] += count

    def of(self, kind: MediaKind) -> list[Packet]:
        return [packet for packet in self.packets if packet.track.kind is kind]


class PlainParser:
    """Takes every packet as it is."""

    def __init__(self, track: Track) -> None:
        self.track: Track | None = track
        self.counts: Mapping[str, int] = {}

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        assert self.track is not None
        return Packet(self.track, dts, pts, True, bytes(data), arrival=arrival)


def plain_codec(name: str, media: MediaKind) -> CodecKind:
    return CodecKind(
        name=name, media=media, title=name, parser=lambda config: PlainParser(Track(kind=media, codec=name))
    )


PLAIN = {
    name: plain_codec(name, media)
    for media, names in ((MediaKind.VIDEO, ("h264", "hevc")), (MediaKind.AUDIO, ("aac", "mp3")))
    for name in names
}


def find_plain(name: str) -> CodecKind:
    if name not in PLAIN:
        raise MediaError(f'codec "{name}" is not known; known are {", ".join(PLAIN)}')
    return PLAIN[name]


class DirectHandover:
    """Runs on the spot; for sources under test that do not use threads."""

    def call(self, function: Callable[..., object], *args: object) -> bool:
        function(*args)
        return True

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        return self.call(function, *args)


def context(url: str | Path = "", options: Any = None, **changes: Any) -> SourceContext:
    values: dict[str, Any] = {
        "url": str(url),
        "options": options,
        "camera_id": 0,
        "stream_id": 0,
        "stream_name": "main",
        "camera_name": "gate",
        "codec": find_plain,
        "handover": DirectHandover(),
        "log": logging.getLogger("camcast.test"),
        "note": lambda code, text: logging.getLogger("camcast.test").warning("%s [%s]", text, code),
    }
    return SourceContext(**{**values, **changes})


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that no event tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class HandClock:
    """An event loop's timers with a clock that a test turns by hand."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000
        self.wakes = 0
        self._timers: list[tuple[int, int, _Timer]] = []
        self._numbers = itertools.count()
        self.failures: list[dict[str, Any]] = []

    def now(self) -> int:
        return self.ns

    def call_at(self, when: float, function: Callable[..., object], *args: object) -> _Timer:
        timer = _Timer(function, args)
        heapq.heappush(self._timers, (round(when * 1e9), next(self._numbers), timer))
        return timer

    def call_soon(self, function: Callable[..., object], *args: object) -> _Timer:
        return self.call_at(self.ns / 1e9, function, *args)

    def call_exception_handler(self, failure: dict[str, Any]) -> None:
        self.failures.append(failure)

    def advance(self, seconds: float) -> None:
        end = self.ns + round(seconds * 1e9)
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self.ns = max(self.ns, when)
                self.wakes += 1
                timer.function(*timer.args)
        self.ns = end


@attrs.define(eq=False)
class _Timer:
    function: Callable[..., object]
    args: tuple[object, ...]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


def demuxed(path: Path) -> dict[str, list[tuple[bytes, int | None, int | None]]]:
    """What an independent reader finds in a file: (payload, dts, pts) in ns by kind of stream."""
    found: dict[str, list[tuple[bytes, int | None, int | None]]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                times = [None if t is None else round(t * packet.time_base * 10**9) for t in (packet.dts, packet.pts)]
                found.setdefault(packet.stream.type, []).append((bytes(packet), times[0], times[1]))
    return found


@contextlib.asynccontextmanager
async def running_source(source: Source, sink: MediaSink) -> AsyncIterator[asyncio.Task[None]]:
    """The source's run, which has to end within seconds of being cancelled."""
    task = asyncio.create_task(source.run(sink))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.done()
        if not task.cancelled():
            task.exception()


@contextlib.asynccontextmanager
async def program(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One that runs; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
