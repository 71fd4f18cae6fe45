"""The running side of a push source, all on the loop: parses packets, announces tracks, fills the sink."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from camcast.contracts import CodecParser, MediaSink, SourceContext
from camcast.errors import MediaError, SourceError
from camcast.few import NOTHING
from camcast.media import NS_PER_MS, RAW, Frame, MediaKind, Packet, Track
from camcast_kit_ingest.unread import NO_PARAMETERS, Unread
from camcast_push.feed import SIZE, PushFeed
from camcast_push.native import IntakeState, extension
from camcast_push.options import PushOptions
from camcast_push.units import Unit, rotation

HOLD_SECONDS = 1.0
HOLD_UNITS = 256
"""How long media waits for the other track's beginning, so that sessions start with both."""
SMALL = 500 * NS_PER_MS
"""A step back by more is a leap: the timeline begins anew."""


class PushSource:
    """Feeds one stream from its `PushFeed`."""

    def __init__(self, context: SourceContext, feed: PushFeed) -> None:
        self.feed = feed
        self._context = context

    async def run(self, sink: MediaSink) -> None:
        door = Intake(self._context, self.feed, sink)
        self.feed.attach(door)
        try:
            await door.ended
        finally:
            self.feed.detach(door)

    def request_keyframe(self) -> bool:
        ask = self.feed.on_keyframe_request
        if ask is None:
            return False
        try:
            ask()
        except Exception:
            self._context.log.exception("%s: the program's on_keyframe_request failed", self._context.label)
            return False
        return True


class Intake(IntakeState):
    """What takes a feed's units while its source runs; see `feed.Door`.

    Nearly all packets that are pushed on the loop go the short way, which is there in C too (`native/push.c`): read by
    the parser there is, of a track that is known, and on to the sink.
    """

    def __init__(self, context: SourceContext, feed: PushFeed, sink: MediaSink) -> None:
        self.options = context.options if isinstance(context.options, PushOptions) else PushOptions()
        self.handover = context.handover
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.size: tuple[int, int] | None = None
        self.ended: asyncio.Future[None] = self.loop.create_future()
        self._context = context
        self._feed = feed
        self._sink = sink
        self._parsers: dict[tuple[MediaKind, str], CodecParser] = {}
        self._usual: dict[MediaKind, CodecParser] = {}
        """Those of the configured codecs."""
        self._tracks: dict[MediaKind, Track] = {}
        self._video: Track | None = None
        """The track of this kind in `_tracks`, if any. Likewise `_audio`."""
        self._audio: Track | None = None
        self._wanted: dict[MediaKind, str] = {}
        for kind, name in ((MediaKind.VIDEO, self.options.video), (MediaKind.AUDIO, self.options.audio)):
            if name:
                self._wanted[kind] = name
                self._check_configured(kind, name)
        self._announced = False
        self._unread = Unread(context.note)
        self._last = 0
        """Decode time of the last picture that was pushed as a packet, 0 before there was one."""
        self._told: frozenset[str] = NOTHING
        self._held: list[Packet | Frame] = []
        self._since = 0.0

    def check_codec(self, name: str) -> None:
        self._context.codec(name)

    def lost(self, kind: MediaKind, reason: str, count: int) -> None:
        self._sink.dropped(kind, reason, count)

    def finish(self) -> None:
        if self._held:
            self._announce()
        if not self.ended.done():
            self.ended.set_result(None)

    def take(self, unit: Unit) -> bool:
        if unit.codec != RAW:
            return self.packet(unit.kind, unit.data, unit.codec, unit.dts, unit.pts, unit.arrival, unit.keyframe)
        try:
            frame = self._frame(unit)
        except MediaError as error:
            return self.damaged(unit.kind, error)
        if not self._has_the_size(unit):
            return False
        if unit.kind is MediaKind.VIDEO and (angle := rotation(unit.data)):
            self._tell_once(
                "turned", f"its pictures are meant to be turned by {angle}°, which no stream can say: push them upright"
            )
        track = frame.track
        if track is not self._video and track is not self._audio:
            self._learn(track)
        return self._deliver(frame) if self._announced else self._hold(frame)

    def packet(
        self, kind: MediaKind, data: bytes, codec: str | None, dts: int, pts: int, arrival: int, keyframe: bool | None
    ) -> bool:
        parser = self._usual.get(kind) if codec is None else None
        try:
            if parser is None:
                parser = self._parser(kind, codec)
            packet = parser.parse(data, dts, pts, arrival)
        except MediaError as error:
            return self.damaged(kind, error)
        if (
            packet is None
            or keyframe is not None
            or not self._announced
            or ((track := packet.track) is not self._video and track is not self._audio)
            or (kind is MediaKind.VIDEO and -SMALL < packet.dts - self._last <= 0 and self._last)
        ):
            return self.unusual(kind, packet, keyframe, parser)
        dts = packet.dts  # the sink moves it onto its own line of time
        # `_deliver`, without the call for each packet.
        try:
            self._sink.packet(packet)
        except MediaError as error:
            return self.damaged(kind, error)
        self._feed.delivered += 1
        if kind is MediaKind.VIDEO:
            self._last = dts
        return True

    def unusual(self, kind: MediaKind, packet: Packet | None, keyframe: bool | None, parser: CodecParser) -> bool:
        """Take what `parser` has made that is more than the next packet of a known track, or nothing."""
        if packet is None:
            self._feed.settle(absorbed=1)
            if parser.track is None:
                self._unread.refused(kind, NO_PARAMETERS)
            return True
        if keyframe is not None:
            packet.keyframe = keyframe
        track = packet.track
        if kind is MediaKind.VIDEO and -SMALL < packet.dts - self._last <= 0 and self._last:
            self._move_on(packet)
        if track is not self._video and track is not self._audio:
            self._learn(track)
        dts = packet.dts
        if not (self._deliver(packet) if self._announced else self._hold(packet)):
            return False
        if kind is MediaKind.VIDEO:
            self._last = dts
        return True

    def _move_on(self, packet: Packet) -> None:
        """Two pictures with one decode time, or one that steps back: they are a millisecond apart, as receivers drop
        what does not go on. Who pushes B-frames without decode times is told, as they are shown at wrong times."""
        if packet.dts == packet.pts < self._last and packet.track.reorder:
            self._tell_once(
                "display_order",
                "pictures are pushed out of display order with pts alone, and are shown at wrong times: pass dts too, "
                "or encode without B-frames",
            )
        packet.dts = self._last + NS_PER_MS
        packet.pts = max(packet.pts, packet.dts)

    def _tell_once(self, code: str, text: str) -> None:
        if code not in self._told:
            self._told |= {code}
            self._context.note(code, text)

    def damaged(self, kind: MediaKind, error: MediaError) -> bool:
        """Count what could not be read, and tell where nothing of its track ever could."""
        self._feed.settle(damaged=1)
        if kind not in self._tracks:
            self._unread.refused(kind, str(error))
        self._sink.dropped(kind, "damaged")
        return False

    def _has_the_size(self, unit: Unit) -> bool:
        """Whether a frame, if it is a picture, is as large as those before it; if not, it is dropped and counted."""
        if unit.kind is MediaKind.VIDEO:
            size = (unit.data.width, unit.data.height)
            if self.size not in (None, size):
                self._feed.settle(misfits=1)
                self._sink.dropped(unit.kind, SIZE)
                return False
            self.size = size
        return True

    def _learn(self, track: Track) -> None:
        """Take in a track that is new, or has changed."""
        new = track.kind not in self._tracks
        self._tracks[track.kind] = track
        self._video, self._audio = self._tracks.get(MediaKind.VIDEO), self._tracks.get(MediaKind.AUDIO)
        if new and self._announced:
            self._sink.tracks(list(self._tracks.values()))

    def _parser(self, kind: MediaKind, codec: str | None) -> CodecParser:
        """The parser for packets of `kind`, made when it is the first of its codec. Raises `MediaError`."""
        name = codec or self._wanted.get(kind, "")
        if name in ("", RAW):
            raise MediaError(f'no codec is configured for {kind.value} packets: pass codec="..." or set the option')
        key = (kind, name)
        parser = self._parsers.get(key)
        if parser is None:
            known = self._context.codec(name)
            if known.media is not kind:
                raise MediaError(f'"{name}" is a codec for {known.media.value}, and was pushed as {kind.value}')
            parser = self._parsers[key] = known.parser(b"")
        if codec is None:
            self._usual[kind] = parser
        return parser

    def _frame(self, unit: Unit) -> Frame:
        data: Any = unit.data
        known = self._tracks.get(unit.kind)
        if unit.kind is MediaKind.VIDEO:
            if known is None or known.codec != RAW or (known.width, known.height) != (data.width, data.height):
                known = Track(
                    kind=unit.kind,
                    codec=RAW,
                    width=data.width,
                    height=data.height,
                    frame_rate=self._context.frame_rate,
                )
        else:
            channels = data.layout.nb_channels
            if (
                known is None
                or known.codec != RAW
                or (known.sample_rate, known.channels) != (data.sample_rate, channels)
            ):
                known = Track(kind=unit.kind, codec=RAW, sample_rate=data.sample_rate, channels=channels)
        return Frame(known, unit.pts, data, unit.arrival)

    # --- until every configured track is known ------------------------------------------------------------

    def _hold(self, media: Packet | Frame) -> bool:
        """Whether it is kept, or was taken at once."""
        now = time.monotonic()
        self._since = self._since or now
        self._held.append(media)
        self._feed.settle(held=1)
        waited = now - self._since > HOLD_SECONDS or len(self._held) >= HOLD_UNITS
        if waited or all(kind in self._tracks for kind in self._wanted):
            return self._announce()
        return True

    def _announce(self) -> bool:
        """Let in what is held; whether the last of it was taken."""
        self._announced = True
        self._sink.tracks(list(self._tracks.values()))
        held, self._held = self._held, []
        taken = True
        for media in held:
            self._feed.settle(held=-1)
            taken = self._deliver(media)
        return taken

    def _deliver(self, media: Packet | Frame) -> bool:
        """Whether the engine took it: it takes none whose times are none."""
        try:
            if isinstance(media, Packet):
                self._sink.packet(media)
            else:
                self._sink.frame(media)
        except MediaError as error:
            return self.damaged(media.track.kind, error)
        self._feed.delivered += 1
        return True

    def _check_configured(self, kind: MediaKind, name: str) -> None:
        if name == RAW:
            return
        try:
            codec = self._context.codec(name)
        except MediaError as error:
            raise SourceError(f"push source, option {kind.value}: {error}", fatal=True) from error
        if codec.media is not kind:
            raise SourceError(
                f'push source: option {kind.value} names "{name}", a codec for {codec.media.value}', fatal=True
            )


packet_in_python = PushFeed.packet
"""The Python form, also where the C form runs, which leaves to it whatever is not ordinary."""

if extension is not None:
    extension.setup(
        in_python=packet_in_python,
        video=MediaKind.VIDEO,
        audio=MediaKind.AUDIO,
        damaged=MediaError,
        small=SMALL,
    )
    PushFeed.packet = extension.FeedState.packet  # type: ignore[method-assign]
