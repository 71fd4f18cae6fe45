"""A made-up world for tests of the core: toy codecs, a scripted source, and servers in memory.

Nothing here knows a real protocol; the plugin is registered like any embedder's.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from time import monotonic_ns
from typing import Any, TypeVar

import attrs

from camcast.config import CameraConfig, Config, EncoderConfig, SessionConfig, SourceConfig, StreamConfig
from camcast.contracts import MediaSink, SourceContext, TransportContext
from camcast.engine import Engine
from camcast.errors import TransportError
from camcast.events import Event, SessionKey
from camcast.hooks import hookimpl
from camcast.host import PluginHost
from camcast.kinds import (
    Acceptance,
    CodecKind,
    Confidence,
    FlvForm,
    Payload,
    SourceKind,
    Take,
    TransportKind,
)
from camcast.media import NS_PER_MS, MediaKind, Packet, Tag, Track, Unit
from camcast.session.session import Session
from camcast.target import Target

VIDEO = Track(kind=MediaKind.VIDEO, codec="toyvideo", config=b"vc", width=64, height=48, frame_rate=25.0)
AUDIO = Track(kind=MediaKind.AUDIO, codec="toyaudio", config=b"ac", sample_rate=8000, channels=1)
STEP = 40 * NS_PER_MS
KEY = SessionKey(0, 0, "rtmp")

Happening = TypeVar("Happening", bound=Event)


def picture(number: int, *, key: bool = False, size: int = 100, track: Track = VIDEO, **more: Any) -> Packet:
    """Picture `number` of a 25 fps stream without B-frames."""
    time = number * STEP
    payload = number.to_bytes(4, "big") + bytes(size - 4)
    return attrs.evolve(Packet(track, time, time, key, payload, arrival=monotonic_ns()), **more)


def sound(number: int, size: int = 20) -> Packet:
    time = number * STEP
    return Packet(AUDIO, time, time, True, number.to_bytes(4, "big") + bytes(size - 4), arrival=monotonic_ns())


class ToyParser:
    """Takes everything as it is."""

    counts: Mapping[str, int] = {}

    def __init__(self, track: Track) -> None:
        self.track = track

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet:
        return Packet(self.track, dts, pts, True, bytes(data), arrival=arrival)


def _form(name: str, letter: bytes) -> FlvForm:
    return FlvForm(
        name=name,
        codec_id=99,
        header=lambda track: b"header " + track.config,
        head=lambda track, key, cts: letter + (b"K" if key else b"P") + cts.to_bytes(3, "big", signed=True),
        end=b"end",
    )


TOY_VIDEO = CodecKind(
    name="toyvideo",
    media=MediaKind.VIDEO,
    title="Toy video",
    parser=lambda config: ToyParser(VIDEO),
    flv={"plain": _form("plain", b"V"), "legacy": _form("legacy", b"L")},
)
TOY_AUDIO = CodecKind(
    name="toyaudio",
    media=MediaKind.AUDIO,
    title="Toy audio",
    parser=lambda config: ToyParser(AUDIO),
    flv={"plain": _form("plain", b"A")},
    silence=lambda rate, channels: (attrs.evolve(AUDIO, sample_rate=rate, channels=channels), b"hush", 1024),
)


@attrs.define(eq=False)
class Publication:
    """What one attempt brought to a server."""

    host: str
    url: str
    tracks: Sequence[Track]
    transport: MemoryTransport
    units: list[tuple[Unit, int]] = attrs.field(factory=list)

    def media(self, kind: MediaKind = MediaKind.VIDEO) -> list[Packet]:
        found = [unit.packet if isinstance(unit, Tag) else unit for unit, _time in self.units]
        return [packet for packet in found if packet is not None and packet.track.kind is kind]

    def numbers(self) -> list[int]:
        return [int.from_bytes(packet.payload[:4], "big") for packet in self.media()]

    def times(self) -> list[int]:
        return [time for unit, time in self.units if not (isinstance(unit, Tag) and unit.packet is None)]


class MemoryTransport:
    """A transport whose server is `Servers`."""

    def __init__(self, context: TransportContext, servers: Servers) -> None:
        self.context = context
        self.servers = servers
        self.host = context.target.url.partition("://")[2].partition("/")[0]
        self.publication: Publication | None = None
        self.pending = 0
        self.acked = 0
        self.impaired = False
        self.closed = False
        self.connected = False

    async def connect(self) -> Acceptance | None:
        self.servers.connects[self.host] += 1
        self.connected = True
        self.servers.alive.add(self)
        await self.servers.step("connect", self.host)
        return None

    async def publish(self, tracks: Sequence[Track]) -> None:
        await self.servers.step("publish", self.host)
        names = [p.url for p in self.servers.live()]
        self.servers.clashes += self.context.target.url in names
        self.publication = Publication(self.host, self.context.target.url, tuple(tracks), self)
        self.servers.publications.append(self.publication)

    def send(self, unit: Unit, time: int) -> None:
        assert self.publication is not None
        self.publication.units.append((unit, time))
        size = len(unit.head) + len(unit.body) if isinstance(unit, Tag) else len(unit.payload)
        if self.host in self.servers.stalled:
            self.pending += size
        else:
            self.acked += size

    async def close(self) -> None:
        await self.servers.step("close", self.host)
        self.closed = True
        self.servers.alive.discard(self)

    def stats(self) -> Mapping[str, float]:
        return {"toys": 1.0}


class Servers:
    """All servers of a test. `faults[step, host]`: exceptions raised one by one, the last one for ever if `sticky`."""

    def __init__(self) -> None:
        self.faults: dict[tuple[str, str], list[TransportError]] = defaultdict(list)
        self.down: dict[tuple[str, str], TransportError] = {}
        self.hang: set[tuple[str, str]] = set()
        self.connects: dict[str, int] = defaultdict(int)
        self.publications: list[Publication] = []
        self.alive: set[MemoryTransport] = set()
        self.stalled: set[str] = set()
        self.clashes = 0

    async def step(self, step: str, host: str) -> None:
        if (step, host) in self.hang:
            await asyncio.Event().wait()
        if self.faults[step, host]:
            raise self.faults[step, host].pop(0)
        if (step, host) in self.down:
            raise self.down[step, host]

    def live(self, host: str | None = None) -> list[Publication]:
        return [p for p in self.publications if not p.transport.closed and host in (None, p.host)]

    def at(self, host: str) -> list[Publication]:
        return [p for p in self.publications if p.host == host]

    def lose(self, host: str, error: TransportError) -> None:
        """Every connection to `host` breaks."""
        for transport in list(self.alive):
            if transport.host == host:
                transport.context.events.lost(error)


class ScriptedSource:
    """Feeds what the test says through `feed`, until told to end."""

    def __init__(self, context: SourceContext, world: World) -> None:
        self.world = world
        self.context = context

    async def run(self, sink: MediaSink) -> None:
        self.world.sinks[self.context.camera_id, self.context.stream_id] = sink
        self.world.runs += 1
        sink.tracks(self.world.tracks)
        self.end = asyncio.get_running_loop().create_future()
        self.world.began(self)
        try:
            await self.end
        finally:
            self.world.sinks.pop((self.context.camera_id, self.context.stream_id), None)

    def request_keyframe(self) -> bool:
        self.world.keyframes_asked += 1
        return True


class World:
    """Everything: plugin, servers, engine, events."""

    def __init__(self, *, payload: Payload = Payload.TAGS, tracks: Sequence[Track] = (VIDEO,)) -> None:
        self.tracks = tuple(tracks)
        self.servers = Servers()
        self.sinks: dict[tuple[int, int], MediaSink] = {}
        self.runs = 0
        self.keyframes_asked = 0
        self._source: ScriptedSource | None = None
        self.events: list[Event] = []
        self.number = 0
        self.gop = 5
        self.takes = Acceptance(codecs={"toyvideo": Take(Confidence.YES), "toyaudio": Take(Confidence.YES)})
        self.resolve_url: Callable[[Target, int], str | None] | None = None
        self.host = PluginHost(entry_points=False)
        self.payload = payload
        self.host.register(self, "toys")
        self._engine: Engine | None = None
        self._pump: asyncio.Task[None] | None = None

    # --- the plugin ---------------------------------------------------------------------------------------

    @hookimpl
    def camcast_sources(self) -> Sequence[SourceKind]:
        return [SourceKind(name="scripted", title="Scripted", needs_url=False, build=lambda c: ScriptedSource(c, self))]

    @hookimpl
    def camcast_codecs(self) -> Sequence[CodecKind]:
        return [TOY_VIDEO, TOY_AUDIO]

    @hookimpl
    def camcast_transports(self) -> Sequence[TransportKind]:
        return [
            TransportKind(
                name="memory",
                title="Memory",
                schemes=("mem",),
                payload=self.payload,
                build=lambda context: MemoryTransport(context, self.servers),
                accepts=lambda target: self.takes,
            )
        ]

    @hookimpl
    def camcast_session_event(self, event: Event) -> None:
        self.events.append(event)

    @property
    def source(self) -> ScriptedSource:
        """The last one that began."""
        assert self._source is not None, "no source has begun"
        return self._source

    def began(self, source: ScriptedSource) -> None:
        self._source = source

    # --- the engine ---------------------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        assert self._engine is not None, "the world has not been started"
        return self._engine

    @engine.setter
    def engine(self, engine: Engine) -> None:
        self._engine = engine

    def session(self, key: SessionKey = KEY) -> Session:
        """The session itself, with what its handle does not show."""
        one = self.engine.sessions.get(key)
        assert isinstance(one, Session)
        return one

    def config(
        self, *sessions: SessionConfig, encoder: EncoderConfig | None = None, source: SourceConfig | None = None
    ) -> Config:
        stream = StreamConfig(
            source=source or SourceConfig(type="scripted"), sessions=sessions, encoder=encoder or EncoderConfig()
        )
        return Config(cameras=(CameraConfig(camera_id=0, name="toy", streams=(stream,)),))

    async def start(self, *sessions: SessionConfig, flowing: bool = True, source: SourceConfig | None = None) -> Engine:
        self.engine = Engine(self.config(*sessions, source=source), host=self.host)
        await self.engine.start()
        await until(lambda: (0, 0) in self.sinks)
        if flowing:
            self.flow()
        return self.engine

    def flow(self, interval: float = 0.004) -> None:
        """Pictures keep coming."""

        async def pump() -> None:
            while True:
                self.next()
                await asyncio.sleep(interval)

        self.still()
        self._pump = asyncio.create_task(pump())

    def still(self) -> None:
        """Pictures stop."""
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    def next(self, **more: Any) -> Packet:
        """Feed the next picture."""
        packet = picture(self.number, key=self.number % self.gop == 0, **more)
        self.number += 1
        sink = self.sinks.get((0, 0))
        if sink is not None:
            sink.packet(packet)
        return packet

    def of(self, kind: type[Happening]) -> list[Happening]:
        return [event for event in self.events if isinstance(event, kind)]

    async def close(self) -> None:
        self.still()
        if self._engine is not None:
            await self._engine.stop()


async def until(condition: Callable[[], object], timeout: float = 5.0) -> None:
    """Wait for a condition of the made-up world, with a deadline."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110  the condition may be anything
            await asyncio.sleep(0.002)
