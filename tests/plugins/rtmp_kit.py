"""What the RTMP tests share: an attempt without an engine, and real media as tags that FFmpeg's muxer made."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import attrs
import av

from camcast.contracts import Segment, TransportContext
from camcast.errors import TransportError
from camcast.flv import amf0
from camcast.flv.tag import FlvReader
from camcast.host import PluginHost
from camcast.media import MediaKind, Tag, TagType, Track
from camcast.target import Target
from camcast_rtmp.driver import RtmpTransport
from camcast_rtmp.memory import BareServers
from camcast_rtmp.options import RtmpOptions

SET_DATA_FRAME = amf0.encode("@setDataFrame")
VIDEO = Track(kind=MediaKind.VIDEO, codec="h264")
AUDIO = Track(kind=MediaKind.AUDIO, codec="aac")


@attrs.define
class Events:
    """Remembers what a transport tells."""

    errors: list[TransportError] = attrs.field(factory=list)
    redirects: list[str] = attrs.field(factory=list)
    notes: list[tuple[str, str]] = attrs.field(factory=list)

    def lost(self, error: TransportError) -> None:
        self.errors.append(error)

    def redirect(self, url: str) -> None:
        self.redirects.append(url)

    def keyframe_wanted(self) -> None:
        raise AssertionError("RTMP cannot ask for keyframes")

    def note(self, code: str, text: str) -> None:
        self.notes.append((code, text))

    def segment(self, segment: Segment) -> None:
        raise AssertionError("RTMP records nothing")


class Resolver:
    """Answers at once; `answers` overrides."""

    def __init__(self, answers: Sequence[tuple[int, tuple[Any, ...]]] | None = None) -> None:
        self.answers = answers
        self.asked: list[tuple[str, int, str]] = []

    async def resolve(self, host: str, port: int, family: str = "both") -> list[tuple[int, tuple[Any, ...]]]:
        self.asked.append((host, port, family))
        if self.answers is not None:
            return list(self.answers)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys((entry[0], entry[4]) for entry in found))


class NoHandover:
    def call(self, function: Callable[..., object], *args: object) -> bool:
        raise AssertionError("RTMP has no threads")

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        raise AssertionError("RTMP has no threads")


@cache
def host() -> PluginHost:
    return PluginHost()


def attempt(
    url: str,
    *,
    options: RtmpOptions | None = None,
    resolver: Resolver | None = None,
    bare: BareServers | None = None,
    **fields: Any,
) -> tuple[RtmpTransport, Events]:
    """A transport for `url`, and what it will tell."""
    events = Events()
    fields.setdefault("connect_timeout", 5.0)
    context = TransportContext(
        target=Target(url=url, **fields),
        options=options or RtmpOptions(),
        events=events,
        resolver=resolver or Resolver(),
        handover=NoHandover(),
        codec=host().codec,
    )
    return RtmpTransport(context, bare), events


@cache
def tags_of(path: Path) -> tuple[Tag, ...]:
    """A file's packets as FLV tags, made by FFmpeg."""
    out = BytesIO()
    with av.open(str(path)) as source, av.open(out, "w", format="flv") as target:
        streams = {
            stream.index: target.add_stream_from_template(stream, opaque=True)
            for stream in (*source.streams.video[:1], *source.streams.audio[:1])
        }
        for packet in source.demux(*[source.streams[index] for index in streams]):
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    found = FlvReader().feed(out.getvalue())
    return tuple(Tag(t.type, t.time, SET_DATA_FRAME, t.body) if t.type is TagType.SCRIPT else t for t in found)


async def drained(transport: RtmpTransport, *, timeout: float = 10.0) -> None:
    """Until the peer has acknowledged everything."""
    async with asyncio.timeout(timeout):
        while transport.pending:  # noqa: ASYNC110  acknowledgements raise no event
            await asyncio.sleep(0.005)


async def publish_all(
    transport: RtmpTransport, tags: Sequence[Tag], *, base: int = 0, tracks: Sequence[Track] = (VIDEO, AUDIO)
) -> None:
    """Connect, publish, send everything in order as fast as the link takes it, close."""
    try:
        await transport.connect()
        await transport.publish(tracks)
        for tag in tags:
            transport.send(tag, tag.time + base)
            if transport.pending > 1 << 20:
                await drained(transport)
        await drained(transport)
    finally:
        await transport.close()
