"""A made-up world from outside the tree: flag signals as a codec and a source, and light signals as a transport.

The wire: `HELO key`, `OK` or `NO reason`, `GO`, `OK`, then records of a length (4 bytes), a time in ms (8 bytes) and a
payload. The receiver answers each read with how many bytes it has had since `GO` (8 bytes).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import attrs

from camcast.contracts import MediaSink, SourceContext, TransportContext
from camcast.errors import MediaError, NetworkError, RefusedError, SourceError, TransportError
from camcast.hooks import hookimpl
from camcast.kinds import Acceptance, CodecKind, Confidence, Payload, SourceKind, Take, TransportKind
from camcast.media import NS_PER_S, MediaKind, Packet, Track, Unit

NAME = "flags"
MAGIC = b"\x1aF"


class FlagParser:
    """A signal is `1A 46`, K or P (a keyframe or not), and any bytes."""

    def __init__(self, config: bytes) -> None:
        if config and not config.startswith(b"flags/"):
            raise MediaError("expected a configuration that begins with flags/")
        self.counts: dict[str, int] = {}
        self._config = config or b"flags/1"
        self.track: Track | None = Track(
            kind=MediaKind.VIDEO, codec=NAME, config=self._config, width=16, height=16, frame_rate=25.0
        )

    def parse(self, data: bytes | memoryview, dts: int, pts: int, arrival: int = 0) -> Packet | None:
        payload = bytes(data)
        if payload[:2] != MAGIC or payload[2:3] not in (b"K", b"P"):
            raise MediaError("not a flag signal: expected 1A 46 and K or P")
        assert self.track is not None
        return Packet(self.track, dts, pts, payload[2:3] == b"K", payload, arrival=arrival)


class FlagSource:
    """25 signals a second, a keyframe each fifth."""

    pace = 0.04

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        if context.url and not context.url.startswith("flags://"):
            raise SourceError("expected a flags:// address", fatal=True)

    def __repr__(self) -> str:
        return "<FlagSource>"

    async def run(self, sink: MediaSink) -> None:
        parser = self._context.codec(NAME).parser(b"")
        assert parser.track is not None
        sink.tracks([parser.track])
        number = 0
        while True:
            at = number * NS_PER_S // 25
            signal = MAGIC + (b"K" if number % 5 == 0 else b"P") + number.to_bytes(4) + bytes(200)
            packet = parser.parse(signal, at, at, time.monotonic_ns())
            assert packet is not None
            sink.packet(packet)
            number += 1
            await asyncio.sleep(self.pace)

    def request_keyframe(self) -> bool:
        return False


@attrs.frozen
class HeliographOptions:
    mirror: str = "brass"


class Heliograph(asyncio.Protocol):
    """One attempt."""

    limit = 6 << 20

    def __init__(self, context: TransportContext) -> None:
        self.context = context
        self.target = context.target
        self.wire: asyncio.Transport | None = None
        self.answer: asyncio.Future[bytes] | None = None
        self.received = b""
        self.live = self.closed = self.gone = False
        self.handed = self.acknowledged = self.left_out = 0
        self.ended: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<Heliograph {self.target.shown}>"

    # --- asyncio.Protocol ---------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.live:
            line, newline, rest = self.received.partition(b"\n")
            if newline and self.answer is not None and not self.answer.done():
                self.received = rest
                self.answer.set_result(line)
        while self.live and len(self.received) >= 8:
            self.acknowledged = max(self.acknowledged, int.from_bytes(self.received[:8]))
            self.received = self.received[8:]

    def connection_lost(self, error: Exception | None) -> None:
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(NetworkError("the connection was closed", stage="connect"))
        self.lose(NetworkError("the connection broke", stage="streaming"))

    def lose(self, error: TransportError) -> None:
        if self.live and not self.closed and not self.gone:
            self.gone = True
            self.context.events.lost(error)

    # --- contracts.Transport ------------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        if self.closed or self.wire is not None:
            raise NetworkError("this attempt has been used already", stage="connect")
        parts = urlsplit(self.target.url)
        try:
            async with asyncio.timeout(self.target.connect_timeout):
                places = await self.context.resolver.resolve(parts.hostname or "", parts.port or 0)
                loop = asyncio.get_running_loop()
                self.ended = loop.create_future()
                await loop.create_connection(lambda: self, *places[0][1][:2])
        except (OSError, TimeoutError) as error:
            raise NetworkError(f"{self.target.shown}: {type(error).__name__}", stage="connect") from None
        await self.ask(b"HELO " + parts.path.strip("/").encode())
        return None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.wire = transport
        if self.closed:
            transport.abort()

    async def ask(self, line: bytes) -> None:
        if self.wire is None or self.closed:
            raise NetworkError("not connected", stage="command")
        self.answer = asyncio.get_running_loop().create_future()
        self.wire.write(line + b"\n")
        try:
            async with asyncio.timeout(self.target.connect_timeout):
                answer = await self.answer
        except TimeoutError:
            raise NetworkError(f"no answer within {self.target.connect_timeout:g} s", stage="command") from None
        if not answer.startswith(b"OK"):
            raise RefusedError(self.target.scrub(answer.decode(errors="replace")), stage="command")

    async def publish(self, tracks: Sequence[Track]) -> None:
        await self.ask(b"GO")
        self.live = True

    def send(self, unit: Unit, time: int) -> None:
        if not self.live or self.closed or self.gone or self.wire is None or not isinstance(unit, Packet):
            return
        if self.wire.get_write_buffer_size() > self.limit:
            self.left_out += 1
            return
        record = len(unit.payload).to_bytes(4) + time.to_bytes(8) + unit.payload
        self.handed += len(record)
        self.wire.write(record)

    @property
    def pending(self) -> int:
        return 0 if self.gone or self.closed else self.handed - self.acknowledged

    @property
    def acked(self) -> int:
        return self.acknowledged

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(NetworkError("closed meanwhile", stage="command"))
            self.answer.exception()
        if self.wire is not None:
            self.wire.abort()
            assert self.ended is not None
            await asyncio.wait([self.ended], timeout=1)

    def stats(self) -> Mapping[str, float]:
        return {"left_out": float(self.left_out)}


ACCEPTS = Acceptance(codecs={NAME: Take(Confidence.YES)}, others=Take(Confidence.UNKNOWN))


@hookimpl
def camcast_codecs() -> Sequence[CodecKind]:
    return [CodecKind(name=NAME, media=MediaKind.VIDEO, title="Flag signals", parser=FlagParser)]


@hookimpl
def camcast_sources() -> Sequence[SourceKind]:
    return [SourceKind(name="signalman", title="Signals flags", needs_url=False, build=FlagSource)]


@hookimpl
def camcast_transports() -> Sequence[TransportKind]:
    return [
        TransportKind(
            name="heliograph",
            title="Light signals",
            schemes=("helio",),
            build=Heliograph,
            accepts=lambda target: ACCEPTS,
            payload=Payload.PACKETS,
            options=HeliographOptions,
        )
    ]
