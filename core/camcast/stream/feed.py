"""One camera stream inside the engine: the sink its source fills, and the renditions made of it.

    source -> feed (arrival stamp) -> [encoder, for frames] -> clock -> renditions -> hubs -> outlets

The encoder for frames (or for packets that are to be made another codec) runs only while a rendition wants it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, monotonic_ns

from camcast.config import EncoderConfig, SlateConfig
from camcast.contracts import Handover
from camcast.encode.encoding import Encoding
from camcast.encode.slate import Slate
from camcast.encode.transcoders import Transcoders
from camcast.errors import CamcastError, MediaError, SourceError
from camcast.group import Group
from camcast.host import PluginHost
from camcast.media import RAW, Frame, MediaKind, Packet, Track
from camcast.stream.clock import Clock
from camcast.stream.flow import FeedCounters
from camcast.stream.negotiation import RenditionKey
from camcast.stream.rendition import Rendition

log = logging.getLogger(__name__)

_VIDEO = MediaKind.VIDEO

LINGER = 5.0
"""Seconds that a rendition outlives its last attempt: whoever reconnects finds its encoder and group still there."""


class Feed:
    """One stream's feed. Implements `MediaSink`; all calls on the loop."""

    def __init__(
        self,
        host: PluginHost,
        handover: Handover,
        encoder: EncoderConfig,
        *,
        label: str,
        note: Callable[[str, str], object] = lambda code, text: None,
        request_keyframe: Callable[[], bool] = lambda: False,
    ) -> None:
        self.label = label
        self.counters = FeedCounters()
        self.clock = Clock()
        self.source_tracks: tuple[Track, ...] = ()
        self._host = host
        self._handover = handover
        self._encoder = encoder
        self._note = note
        self._ask_source = request_keyframe
        self._transcoders = Transcoders(
            host, handover, label=label, note=note, dropped=self.dropped, ask_source=self.request_keyframe
        )
        self._renditions: dict[RenditionKey, Rendition] = {}
        self._leaving: dict[RenditionKey, asyncio.TimerHandle] = {}
        self._listeners: tuple[Rendition, ...] = ()
        self._encoding: Encoding | None = None
        self._noted: set[str] = set()
        self._offers: tuple[Track, ...] = ()
        self._flow = asyncio.Event()
        self._last = 0.0
        self._group = Group()
        self._sound: Packet | None = None
        self._slate: Slate | None = None
        self._last_source = 0.0
        self._keyframe_asked = False
        self._reencoded = False
        self._flowing = False
        """Whether `_flow` is set."""
        self._slate_broken = -1.0
        """`_last_source` when the slate could not be made."""
        self.on_flow: list[Callable[[], object]] = []
        self.on_tracks: list[Callable[[], object]] = []
        """Called when the stream has other tracks or has ended: what is published may be outdated."""
        self.on_fault: Callable[[SourceError], object] = lambda error: None
        """Called when the stream is not what the configuration says it must be."""
        self.on_first: Callable[[], object] | None = None
        """Called once, at the next packet or frame."""

    # --- MediaSink ----------------------------------------------------------------------------------------

    def tracks(self, tracks: Sequence[Track]) -> None:
        self.source_tracks = tuple(tracks)
        self._reencoded = self._reencodes(MediaKind.VIDEO)
        before = self._codecs()
        self._offers = tuple(self._offered(track) for track in tracks)
        self._compare(before)

    def packet(self, packet: Packet) -> None:
        counters = self.counters
        kind = packet.track.kind
        if not packet.arrival:
            packet.arrival = monotonic_ns()
        counters.bytes += len(packet.payload)
        if kind is _VIDEO:
            counters.received.video += 1
            if packet.keyframe:
                counters.keyframes += 1
                self._see(packet.track)
        else:
            counters.received.audio += 1
        self._last = self._last_source = monotonic()
        if not self._flowing or self.on_first is not None:
            self._begins()
        if self._encoding is not None and self._encoding.wants(kind):
            self._encoding.put(packet)
        elif self._reencoded and kind is _VIDEO:
            return
        elif self._slate is None or self._yields(packet):
            self._distribute(packet)

    def frame(self, frame: Frame) -> None:
        if not frame.arrival:
            frame.arrival = monotonic_ns()
        self.counters.received.add(frame.track.kind)
        self._last = self._last_source = monotonic()
        if self.on_first is not None or not self._flowing:
            self._begins()
        if self._encoding is not None:
            self._encoding.put(frame)

    def discontinuity(self) -> None:
        self.clock.discontinuity()

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        self.counters.dropped[kind, reason] += count

    # --- the slate ----------------------------------------------------------------------------------------

    @property
    def silent_for(self) -> float | None:
        """Seconds since the source brought media; None if it never did."""
        return monotonic() - self._last_source if self._last_source else None

    @property
    def slate_on_air(self) -> bool:
        return self._slate is not None

    def show_slate(self, config: SlateConfig, name: str) -> None:
        """Show a still picture from now until the source's next keyframe. Needs a picture to have been seen."""
        video = self._group.packets[-1].track if self._group.packets else None
        if self._slate is not None or video is None or not self._listeners or self._slate_broken == self._last_source:
            return
        self.clock.discontinuity()
        self._keyframe_asked = False
        self._slate = Slate(
            config,
            video,
            self._sound.track if self._sound is not None else None,
            self._group.packets,
            self._host,
            self._handover,
            self._encoder,
            name=name or self.label,
            label=self.label,
            on_packet=self._slate_packet,
            on_error=self._slate_failed,
        )
        self._slate.start()
        self._note("slate_on", "the source is gone: a still picture is on the air")

    def end_slate(self) -> None:
        """Take the still picture off the air."""
        if self._slate is not None:
            self._slate.stop()
            self._slate = None
            self.clock.discontinuity()
            self._note("slate_off", "the still picture is off the air")

    def _slate_packet(self, packet: Packet) -> None:
        if self._slate is not None:
            self._last = monotonic()
            self._distribute(packet)

    def _slate_failed(self, text: str) -> None:
        if self._slate is None:
            return
        # Not again before the source has been back: it would fail again.
        self._slate_broken = self._last_source
        self._note("slate_failed", text)
        self.end_slate()

    def _yields(self, packet: Packet) -> bool:
        """Whether the slate makes way for the source's `packet`: only at a keyframe of the picture."""
        if packet.track.kind is MediaKind.VIDEO and packet.keyframe:
            self.end_slate()
            return True
        if not self._keyframe_asked:
            self._keyframe_asked = True
            self.request_keyframe()
        self.dropped(packet.track.kind, "slate on the air")
        return False

    # --- what sessions ask --------------------------------------------------------------------------------

    @property
    def offers(self) -> tuple[Track, ...]:
        """The tracks that a rendition may copy; for frames, what the encoder will make of them."""
        return self._offers

    def flowing(self, within: float) -> bool:
        """Whether media came in the last `within` seconds."""
        # Not by `_flowing`, which any session clears that waits: each has an idle time of its own.
        return bool(self._last and self._offers) and monotonic() - self._last < within

    def idle(self) -> None:
        """Media has stopped: the next that comes wakes those in `on_flow`."""
        self._flow.clear()
        self._flowing = False

    def acquire(self, key: RenditionKey, bitrate: int = 0) -> Rendition:
        """The rendition for `key`, started if need be. Give it back with `release`."""
        rendition = self._renditions.get(key)
        if rendition is None:
            rendition = Rendition(key, self._offers, self._host, self._transcoders, failed=self._rendition_failed)
            self._renditions[key] = rendition
            self._listeners = tuple(self._renditions.values())
            self._start_encoding()
            rendition.on_outdated = self._outdated
            try:
                rendition.begin(self._group.packets, self._sound, bitrate or self._encoder.bitrate_kbps * 1000)
            except CamcastError as error:
                self._rendition_failed(rendition, str(error))
                raise
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        rendition.users += 1
        return rendition

    def release(self, rendition: Rendition) -> None:
        """One attempt less; `LINGER` after the last one the rendition stops, and with it the encoder."""
        rendition.users -= 1
        if rendition.users <= 0 and self._renditions.get(rendition.key) is rendition:
            self._leaving[rendition.key] = asyncio.get_running_loop().call_later(
                LINGER, self._drop_rendition, rendition
            )

    def request_keyframe(self, rendition: Rendition | None = None) -> bool:
        """Ask whoever encodes this picture for a keyframe. False = nobody can."""
        if rendition is not None and rendition.request_keyframe():
            return True
        if self._encoding is not None and self._encoding.request_keyframe():
            return True
        return self._ask_source()

    def set_bitrate(self, bitrate: int) -> bool:
        """Aim at `bitrate` bit/s where the picture is encoded or transcoded here. False = nowhere."""
        encoded = self._encoding is not None and self._encoding.set_bitrate(bitrate)
        return self._transcoders.set_bitrate(bitrate) or encoded

    @property
    def transcoders(self) -> int:
        """How many transcoders run."""
        return len(self._transcoders.running) + (self._encoding is not None and self._encoding.wants(MediaKind.VIDEO))

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        return self._listeners

    def close(self) -> None:
        """Stop everything that runs."""
        self.end_slate()
        for timer in self._leaving.values():
            timer.cancel()
        self._leaving.clear()
        for rendition in self._listeners:
            rendition.close()
        self._renditions.clear()
        self._listeners = ()
        self._transcoders.close()
        self._stop_encoding()
        self._tell_tracks()

    # --- inside -------------------------------------------------------------------------------------------

    def _encoded(self, packet: Packet) -> None:
        if self._slate is None or self._yields(packet):
            self._distribute(packet)

    def _distribute(self, packet: Packet) -> None:
        self.clock.stamp(packet)
        if packet.track.kind is _VIDEO:
            self._group.add(packet)
        else:
            self._sound = packet
        for rendition in self._listeners:
            try:
                rendition.packet(packet)
            except CamcastError as error:
                self._rendition_failed(rendition, str(error))
        if self._transcoders.running:
            self._transcoders.packet(packet)

    def _codecs(self) -> dict[MediaKind, str]:
        return {track.kind: track.codec for track in self._offers}

    def _compare(self, before: Mapping[MediaKind, str]) -> None:
        """Let go of what was made of tracks that are no more, and tell whoever publishes it."""
        now = self._codecs()
        if not before or before == now:
            return
        if before.get(_VIDEO) != now.get(_VIDEO):
            self._group = Group()
        if before.get(MediaKind.AUDIO) != now.get(MediaKind.AUDIO):
            self._sound = None
        # A slate imitates the tracks that are no more.
        self.end_slate()
        self._stop_encoding()
        for rendition in self._listeners:
            if not rendition.fits(now):
                self._drop_rendition(rendition)
        if self._renditions:
            self._start_encoding()
        self._tell_tracks()

    def _outdated(self, rendition: Rendition) -> None:
        if self._renditions.get(rendition.key) is rendition:
            self._drop_rendition(rendition)
            self._tell_tracks()

    def _tell_tracks(self) -> None:
        for call in tuple(self.on_tracks):
            call()

    def _begins(self) -> None:
        """Media comes: for the first time, or again."""
        if self.on_first is not None:
            call, self.on_first = self.on_first, None
            call()
        if not self._flowing and self._offers:
            self._flowing = True
            self._flow.set()
            for wake in tuple(self.on_flow):
                wake()

    def _see(self, track: Track) -> None:
        """Learn what the stream really is. A codec other than the one configured is a fault; the rest is told once."""
        self._offers = tuple(self._offered(track) if old.kind is track.kind else old for old in self._offers) or (
            self._offered(track),
        )
        wanted = self._encoder
        if self._reencodes(track.kind):
            return
        if wanted.codec is not None and wanted.codec != track.codec:
            self.on_fault(
                SourceError(
                    f"the source sends {track.codec}, but encoder.type is {wanted.type}: set the camera or the type "
                    'right, or encode anew by "transcode": true',
                    fatal=True,
                )
            )
            return
        for what, expected, got in (
            ("width", wanted.width, track.width),
            ("height", wanted.height, track.height),
            ("framerate", wanted.framerate, round(track.frame_rate, 2)),
        ):
            if expected and got and abs(expected - got) > 0.5 and what not in self._noted:
                self._noted.add(what)
                self._note(
                    "format_differs", f"{what} is {got:g}, the configuration expects {expected:g}; sent as it comes"
                )

    def _reencodes(self, kind: MediaKind) -> bool:
        """Whether packets of this kind are to be made another codec for everybody."""
        if kind is not MediaKind.VIDEO or not self._encoder.transcode or self._encoder.codec is None:
            return False
        source = next((track for track in self.source_tracks if track.kind is kind), None)
        return source is not None and source.codec not in (RAW, self._encoder.codec)

    def _offered(self, track: Track) -> Track:
        if track.codec == RAW or self._reencodes(track.kind):
            return Encoding.prediction(track, self._encoder)
        return track

    def _start_encoding(self) -> None:
        todo = [t for t in self.source_tracks if t.codec == RAW or self._reencodes(t.kind)]
        if self._encoding is not None or not todo:
            return
        self._encoding = Encoding(
            self._host,
            self._handover,
            self._encoder,
            todo,
            label=self.label,
            on_packet=self._encoded,
            on_error=self._encoding_failed,
            on_drop=self.dropped,
            note=self._note,
        )

    def _stop_encoding(self) -> None:
        if self._encoding is not None:
            self._encoding.close()
            self._encoding = None
            self._group = Group()

    def _encoding_failed(self, text: str) -> None:
        self._note("encoder_failed", text)
        self._stop_encoding()
        for rendition in self._listeners:
            self._rendition_failed(rendition, text)

    def _rendition_failed(self, rendition: Rendition, text: str) -> None:
        log.debug("%s: rendition %s failed: %s", self.label, rendition.key, text)
        if self._renditions.get(rendition.key) is rendition:
            self._note("rendition_failed", text)
            rendition.fail(MediaError(text))
            self._drop_rendition(rendition)

    def _drop_rendition(self, rendition: Rendition) -> None:
        del self._renditions[rendition.key]
        if rendition.key in self._leaving:
            self._leaving.pop(rendition.key).cancel()
        self._listeners = tuple(self._renditions.values())
        rendition.close()
        if not self._renditions:
            self._stop_encoding()
