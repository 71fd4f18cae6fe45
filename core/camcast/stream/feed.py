"""One camera stream inside the engine: the sink its source fills, and the renditions made of it.

    source -> feed (arrival stamp) -> [encoder, for frames] -> clock -> renditions -> hubs -> outlets

The encoder for frames (or for packets that are to be made another codec) runs only while a rendition wants it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from time import monotonic, monotonic_ns
from typing import Protocol

from camcast.config import EncoderConfig
from camcast.contracts import Handover
from camcast.encode.encoding import Encoding
from camcast.encode.smaller import Smaller
from camcast.encode.transcoders import Transcoders
from camcast.errors import CamcastError, SourceError
from camcast.group import Group
from camcast.host import PluginHost
from camcast.media import RAW, Frame, MediaKind, Packet, Track
from camcast.native import extension
from camcast.native.states import FeedState
from camcast.stream.clock import Clock
from camcast.stream.expectation import Expectation
from camcast.stream.fastpath import FastPath
from camcast.stream.flow import FeedCounters
from camcast.stream.present import Present
from camcast.stream.pulse import Pulse
from camcast.stream.rendition import Rendition
from camcast.stream.renditions import Renditions
from camcast.stream.slate_switch import SlateSwitch
from camcast.stream.wishes import Wishes

log = logging.getLogger(__name__)

_VIDEO = MediaKind.VIDEO


class FeedOwner(Protocol):
    """Who runs the source that fills a feed: the camera's stream. All calls on the loop; they return at once."""

    def note(self, code: str, text: str) -> None:
        """Something an operator should know."""

    def ask_source(self) -> bool:
        """Ask the source for a keyframe. False = it cannot."""

    def condition(self) -> str:
        """How the source is, for people, while nothing comes of it."""

    def media_begins(self) -> None:
        """Media has come from the source for the first time since `Feed.expect_media`."""

    def fault(self, error: SourceError) -> None:
        """The stream is not what the configuration says it must be."""


class Feed(FeedState):
    """One stream's feed. Implements `MediaSink`; all calls on the loop."""

    def __init__(
        self, host: PluginHost, handover: Handover, encoder: EncoderConfig, *, label: str, owner: FeedOwner
    ) -> None:
        self.label = label
        self.counters = FeedCounters()
        self.clock = Clock()
        self.pulse = Pulse()
        self._host = host
        self._handover = handover
        self._encoder = encoder
        self._owner = owner
        self._expectation = Expectation(encoder, owner.note)
        self._present = Present()
        self._transcoders = Transcoders(
            host, handover, label=label, note=owner.note, dropped=self.dropped, ask_source=self.request_keyframe
        )
        self.renditions = Renditions(host, self._transcoders, self._present, encoder.bitrate_kbps * 1000, self)
        self.slate = SlateSwitch(host, handover, encoder, self._present, self.pulse, self)
        self.fast = FastPath(
            self.counters, self.clock, self.pulse, self._present, self.slate, self.renditions, self._encodes
        )
        """The way of nearly every packet."""
        self.wishes = Wishes(self._aim, encoder.bitrate_kbps * 1000, self._make)
        self._encoding: Encoding | None = None
        self._tracks: tuple[Track, ...] = ()
        """The source's."""
        self._offers: tuple[Track, ...] = ()
        self._reencoded = False
        """Whether the source's pictures are made another codec for everybody."""
        self._begun = False
        """Whether `FeedOwner.media_begins` has been called."""

    # --- MediaSink ----------------------------------------------------------------------------------------

    def tracks(self, tracks: Sequence[Track]) -> None:
        self._tracks = tuple(tracks)
        self.fast.forget()
        self._reencoded = self._reencodes(_VIDEO)
        before = self._codecs()
        self._offers = tuple(self._offered(track) for track in tracks)
        self._compare(before)

    def packet(self, packet: Packet) -> None:
        if not self.fast.take(packet):
            self._take(packet)

    def _take(self, packet: Packet) -> None:
        """The long way, on which whatever is not ordinary is dealt with."""
        counters, pulse = self.counters, self.pulse
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
            counters.sound_bytes += len(packet.payload)
        pulse.last = pulse.source = monotonic()
        if pulse.awaited:
            self._begins()
        if self._encoding is not None and self._encoding.wants(kind):
            self._encoding.put(packet)
        elif self._reencoded and kind is _VIDEO:
            return
        elif not self.slate.on_air or self.slate.yields(packet):
            self._distribute(packet)

    def frame(self, frame: Frame) -> None:
        if not frame.arrival:
            frame.arrival = monotonic_ns()
        self.counters.received.add(frame.track.kind)
        self.pulse.last = self.pulse.source = monotonic()
        if self.pulse.awaited:
            self._begins()
        if self._encoding is not None:
            self._encoding.put(frame)

    def discontinuity(self) -> None:
        self.clock.discontinuity()

    def dropped(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        self.counters.dropped[kind, reason] += count

    # --- what sessions and cameras ask ----------------------------------------------------------------------

    @property
    def offers(self) -> tuple[Track, ...]:
        """The tracks that a rendition may copy; for frames, what the encoder will make of them."""
        return self._offers

    @property
    def condition(self) -> str:
        """Why no media comes, for people: "the source has failed: no such device"."""
        return self._owner.condition()

    def flowing(self, within: float) -> bool:
        """Whether media that can be published came in the last `within` seconds."""
        return bool(self._offers) and self.pulse.flowing(within)

    def expect_media(self) -> None:
        """The source is made anew: its first media is told by `FeedOwner.media_begins`."""
        self._begun = False
        self.pulse.idle()

    def request_keyframe(self, rendition: Rendition | None = None) -> bool:
        """Ask whoever encodes this picture for a keyframe. False = nobody can."""
        if rendition is not None and rendition.request_keyframe():
            return True
        if self._encoding is not None and self._encoding.request_keyframe():
            return True
        return self._owner.ask_source()

    def set_bitrate(self, bitrate: int) -> bool:
        """Aim at `bitrate` bit/s where the picture is encoded or transcoded here. False = nowhere.

        Outputs that adapt to their links stay below it.
        """
        return self.wishes.cap(bitrate)

    def _aim(self, bitrate: int) -> bool:
        encoded = self._encoding is not None and self._encoding.set_bitrate(bitrate)
        return self._transcoders.set_bitrate(bitrate) or encoded

    def _make(self, smaller: Smaller) -> bool:
        encoded = self._encoding is not None and self._encoding.make(smaller)
        return self._transcoders.make(smaller) or encoded

    def adopt(self, encoder: EncoderConfig, label: str) -> None:
        """Go on under this label and by this, which differs in its bitrate only. Nothing is taken off the air."""
        self.label = label
        if encoder == self._encoder:
            return
        self._encoder = encoder
        self.slate.adopt(encoder)
        self.renditions.adopt(encoder.bitrate_kbps * 1000)
        self._transcoders.adopt(encoder.bitrate_kbps * 1000)
        if self._encoding is not None:
            self._encoding.adopt(encoder)
        self.wishes.adopt(encoder.bitrate_kbps * 1000)

    @property
    def group(self) -> Group:
        """The current group of pictures."""
        return self._present.group

    @property
    def newest_sound(self) -> Packet | None:
        """None = there was none yet."""
        return self._present.sound

    @property
    def keyframe(self) -> Packet | None:
        """That of the current group of pictures."""
        packets = self.group.packets
        return packets[0] if packets else None

    @property
    def published(self) -> bool:
        """Whether anybody publishes it."""
        return bool(self.renditions.all)

    @property
    def transcoders(self) -> int:
        """How many transcoders run."""
        return len(self._transcoders.running) + (self._encoding is not None and self._encoding.wants(_VIDEO))

    def close(self) -> None:
        """Stop everything that runs."""
        self.slate.end()
        self.renditions.close()
        self._transcoders.close()
        self._stop_encoding()
        self.renditions.tell_tracks()

    # --- what its renditions and its slate tell -------------------------------------------------------------

    def wanted(self) -> None:
        todo = [track for track in self._tracks if track.codec == RAW or self._reencodes(track.kind)]
        if self._encoding is None and todo:
            self._encoding = Encoding(
                self._host,
                self._handover,
                self._encoder,
                todo,
                label=self.label,
                on_packet=self._encoded,
                on_error=self._encoding_failed,
                on_drop=self.dropped,
                note=self._owner.note,
            )
            self.wishes.again()

    def unwanted(self) -> None:
        self._stop_encoding()

    def rendition_failed(self, text: str) -> None:
        self._owner.note("rendition_failed", text)

    def note(self, code: str, text: str) -> None:
        self._owner.note(code, text)

    def stand_in(self, packet: Packet) -> None:
        self.pulse.last = monotonic()
        self._distribute(packet)

    # --- inside -------------------------------------------------------------------------------------------

    def _encoded(self, packet: Packet) -> None:
        if not self.slate.on_air or self.slate.yields(packet):
            self._distribute(packet)

    def _distribute(self, packet: Packet) -> None:
        self.clock.stamp(packet)
        if packet.track.kind is _VIDEO:
            self._present.group.add(packet)
        else:
            self._present.sound = packet
            self._present.group.sounds += 1
        for rendition in self.renditions.all:
            self.renditions.packet(rendition, packet)
        if self._transcoders.running:
            self._transcoders.packet(packet)

    def _codecs(self) -> dict[MediaKind, str]:
        return {track.kind: track.codec for track in self._offers}

    def _compare(self, before: Mapping[MediaKind, str]) -> None:
        """Let go of what was made of tracks that are no more, and tell whoever publishes it."""
        now = self._codecs()
        if not before or before == now:
            return
        for kind in MediaKind:
            if before.get(kind) != now.get(kind):
                self._present.forget(kind)
        # A slate imitates the tracks that are no more.
        self.slate.end()
        self._stop_encoding()
        self.renditions.keep_fitting(now)
        if self.renditions.all:
            self.wanted()
        self.renditions.tell_tracks()

    def _begins(self) -> None:
        """Media comes: for the first time, or again."""
        if not self._begun:
            self._begun = True
            self._owner.media_begins()
        if self._offers:
            self.pulse.awaited = False
            self.pulse.tell()

    def _see(self, track: Track) -> None:
        """Learn what the stream really is."""
        self._offers = tuple(self._offered(track) if old.kind is track.kind else old for old in self._offers) or (
            self._offered(track),
        )
        if not self._reencodes(track.kind):
            error = self._expectation.compare(track)
            if error is not None:
                self._owner.fault(error)

    def _reencodes(self, kind: MediaKind) -> bool:
        """Whether packets of this kind are to be made another codec for everybody."""
        if kind is not _VIDEO or not self._encoder.transcode or self._encoder.codec is None:
            return False
        source = next((track for track in self._tracks if track.kind is kind), None)
        return source is not None and source.codec not in (RAW, self._encoder.codec)

    def _offered(self, track: Track) -> Track:
        if track.codec == RAW or self._reencodes(track.kind):
            return Encoding.prediction(track, self._encoder)
        return track

    def _encodes(self) -> bool:
        """Whether anything of the source's is encoded anew, for whomever."""
        return self._reencoded or self._encoding is not None or bool(self._transcoders.running)

    def _stop_encoding(self) -> None:
        if self._encoding is not None:
            self._encoding.close()
            self._encoding = None
            self._present.forget(_VIDEO)

    def _encoding_failed(self, error: CamcastError) -> None:
        self._owner.note("encoder_failed", str(error))
        self._stop_encoding()
        self.renditions.fail_all(error)


if extension is not None:
    Feed.packet = extension.FeedState.packet  # type: ignore[method-assign]
