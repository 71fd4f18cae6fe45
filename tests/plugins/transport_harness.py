"""Drives a transport without an engine: events that are remembered, packets of a clip, tags of a clip, feeding."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import av

from camcast.contracts import Delivery, Segment, TransportContext
from camcast.errors import TransportError
from camcast.flv.packer import TagPacker
from camcast.host import PluginHost
from camcast.kinds import TransportKind
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Tag, Track
from camcast.session.resolver import NameResolver
from camcast.target import Target

END = 2.0
"""Seconds within which an attempt must have ended."""


@attrs.define(eq=False)
class Events:
    """Remembers what the transport tells."""

    losses: list[TransportError] = attrs.field(factory=list)
    notes: list[tuple[str, str]] = attrs.field(factory=list)
    redirects: list[str] = attrs.field(factory=list)
    keyframes: int = 0
    segments: list[Segment] = attrs.field(factory=list)
    loss: asyncio.Event = attrs.field(factory=asyncio.Event)

    def lost(self, error: TransportError) -> None:
        self.losses.append(error)
        self.loss.set()

    def redirect(self, url: str) -> None:
        self.redirects.append(url)

    def keyframe_wanted(self) -> None:
        self.keyframes += 1

    def segment(self, segment: Segment) -> None:
        self.segments.append(segment)

    def note(self, code: str, text: str) -> None:
        self.notes.append((code, text))


class DirectHandover:
    """Straight to the loop; `full` makes it refuse, as the engine's bounded one may."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.full = False

    def call(self, function: Callable[..., object], *args: object) -> bool:
        if self.full:
            return False
        try:
            self.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return False
        return True

    def call_wait(self, function: Callable[..., object], *args: object, timeout: float) -> bool:
        return self.call(function, *args)


@cache
def codecs() -> PluginHost:
    """A host with the first-party plugins."""
    return PluginHost()


def context(
    kind: TransportKind,
    url: str,
    *,
    handover: DirectHandover | None = None,
    options: Any = None,
    resolver: NameResolver | None = None,
    beside: Callable[[str], Delivery | None] = lambda output: None,
    **target: Any,
) -> tuple[TransportContext, Events]:
    """What a transport is built with, and where its events go."""
    events = Events()
    chosen = kind.options() if options is None else options
    return (
        TransportContext(
            target=Target(url=url, options=chosen, **target),
            options=chosen,
            events=events,
            resolver=resolver or NameResolver(),
            handover=handover or DirectHandover(),
            codec=codecs().codec,
            label="cam0_main",
            beside=beside,
        ),
        events,
    )


@attrs.frozen
class Clip:
    """A file's media as sessions get it, in order of decoding; dts begin near 0."""

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...] = attrs.field(repr=False)

    def tags(self, form: str = "") -> tuple[list[Tag], list[Tag]]:
        """Headers, and the media tags, in this form or in the preferred ones."""
        forms = {}
        for track in self.tracks:
            known = codecs().codec(track.codec).flv
            forms[track.kind] = known[form or next(iter(known))]
        packer = TagPacker(self.tracks, forms)
        return packer.headers(0), [packer.tag(packet) for packet in self.packets]


@cache
def load(path: Path) -> Clip:
    """Read a clip through camcast's own codecs."""
    packets: list[Packet] = []
    tracks: dict[MediaKind, Track] = {}
    with av.open(str(path)) as container:
        parsers = {}
        for stream in container.streams.video[:1] + container.streams.audio[:1]:
            name = stream.codec_context.codec.canonical_name
            parsers[stream.index] = codecs().codec(name).parser(bytes(stream.codec_context.extradata or b""))
        for raw in container.demux():
            if raw.stream.index not in parsers or not raw.size or raw.dts is None:
                continue
            tick = raw.time_base * NS_PER_S
            shown = raw.dts if raw.pts is None else raw.pts
            packet = parsers[raw.stream.index].parse(bytes(raw), round(raw.dts * tick), round(shown * tick))
            if packet is not None:
                packets.append(packet)
                tracks.setdefault(packet.track.kind, packet.track)
    packets.sort(key=lambda packet: packet.dts)
    base = packets[0].dts
    for packet in packets:
        packet.dts -= base
        packet.pts -= base
    return Clip(tuple(tracks[kind] for kind in MediaKind if kind in tracks), tuple(packets))


async def feed(
    transport: Any,
    units: Sequence[Packet | Tag],
    *,
    speed: float = 1.0,
    start: int = 0,
    until: Callable[[], bool] = lambda: False,
) -> int:
    """Send units at their times (`speed` times faster), `start` ms later on the attempt's timeline.

    Ends early when `until()`. Returns how many were sent.
    """
    began = time.monotonic()
    for count, unit in enumerate(units):
        at = unit.time if isinstance(unit, Tag) else unit.dts // NS_PER_MS
        wait = began + at / 1000 / speed - time.monotonic()
        if wait > 0 or count % 50 == 0:
            await asyncio.sleep(max(0.0, wait))
        if until():
            return count
        transport.send(unit, start + at)
    return len(units)


async def reached(what: Callable[[], object], *, timeout: float = 10.0, why: str = "") -> None:
    """Return as soon as `what()` is true; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {why or what}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def publishing(kind: TransportKind, url: str, clip: Clip, **more: Any) -> AsyncIterator[tuple[Any, Events]]:
    """A transport that publishes the clip's tracks, and its events; `more` is for the target. Its end is bounded."""
    made, events = context(kind, url, **{"connect_timeout": 5.0, **more})
    transport = kind.build(made)
    try:
        await transport.connect()
        await transport.publish(clip.tracks)
        yield transport, events
    finally:
        began = time.monotonic()
        await transport.close()
        assert time.monotonic() - began < END, "an attempt's end is short, whatever the peer does"


def longer(clip: Clip, seconds: float) -> list[Packet]:
    """The clip again and again, with times that go on, up to `seconds`."""
    step = max(packet.dts for packet in clip.packets) + 40 * NS_PER_MS
    step -= step % (20 * NS_PER_MS)
    found: list[Packet] = []
    for turn in range(int(seconds * NS_PER_S // step) + 1):
        found += [
            attrs.evolve(packet, dts=packet.dts + turn * step, pts=packet.pts + turn * step) for packet in clip.packets
        ]
    return [packet for packet in found if packet.dts < seconds * NS_PER_S]
