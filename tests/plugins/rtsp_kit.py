"""What the tests of the RTSP source share: running it, and its packets in the form that `compare` takes."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any

from tests import compare
from tests.plugins.source_kit import Sink, context

from camcast.errors import MediaError, SourceError
from camcast.kinds import CodecKind
from camcast.media import MediaKind, Packet
from camcast_rtsp.memory import Memories, Memory
from camcast_rtsp.oddities import Oddities
from camcast_rtsp.options import RtspOptions
from camcast_rtsp.source import RtspSource

CODECS = ("h264", "h265", "av1", "aac", "opus", "pcm", "mpegaudio", "oldvideo")
_NAMES = {"h265": "hevc", "g711a": "pcm_alaw", "g711u": "pcm_mulaw"}


@cache
def _kinds() -> dict[str, CodecKind]:
    found = {}
    for name in CODECS:
        for kind in importlib.import_module(f"camcast_{name}").camcast_codecs():
            found.update({known.lower(): kind for known in (kind.name, *kind.aliases)})
    return found


def find_codec(name: str) -> CodecKind:
    try:
        return _kinds()[name.lower()]
    except KeyError:
        raise MediaError(f"no codec {name}") from None


def nobody() -> Oddities:
    """Who is told oddities, and does not care."""
    return Oddities(Memory(), lambda code, text: None)


class Run:
    """A source while it runs."""

    def __init__(self, source: RtspSource, sink: Sink) -> None:
        self.source, self.sink = source, sink
        self.task = asyncio.ensure_future(source.run(sink))

    async def until(self, condition: Callable[[], object], *, timeout: float = 15.0, why: str = "") -> None:
        """Wait for `condition()`; an AssertionError when the source ends or time is up before."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {why}"
            if self.task.done():
                await self.task
                raise AssertionError("the source returned")
            await asyncio.sleep(0.01)

    async def failure(self, *, timeout: float = 15.0) -> SourceError:
        """The error that the source ends with."""
        try:
            await asyncio.wait_for(self.task, timeout)
        except SourceError as error:
            return error
        raise AssertionError("the source returned without an error")

    async def stop(self) -> float:
        """Cancel; how many seconds it took."""
        begun = time.monotonic()
        self.task.cancel()
        with suppress(asyncio.CancelledError, SourceError):
            await asyncio.wait_for(self.task, 5)
        return time.monotonic() - begun

    @property
    def video(self) -> list[Packet]:
        return self.sink.of(MediaKind.VIDEO)

    @property
    def media(self) -> compare.Media:
        return compare.Media.of([_unit(packet) for packet in self.sink.packets])


def _unit(packet: Packet) -> compare.Unit:
    track = packet.track
    return compare.Unit(
        kind=track.kind.value,
        codec=_NAMES.get(track.codec, track.codec),
        # Length-prefixed, as a configuration record announces it.
        extradata=b"\x01" if track.kind is MediaKind.VIDEO else track.config,
        dts=packet.dts / 1e6,
        pts=packet.pts / 1e6,
        keyframe=packet.keyframe,
        data=packet.payload,
    )


@asynccontextmanager
async def running(url: str, memories: Memories | None = None, **options: Any) -> AsyncIterator[Run]:
    sink = Sink()
    run = Run(RtspSource(context(url, RtspOptions(**options), codec=find_codec), memories), sink)
    try:
        yield run
    finally:
        await run.stop()
