"""One medium of a camera on its way: RTP packets in, camcast's packets out, whatever is missing counted."""

from __future__ import annotations

import random
from collections.abc import Callable

from camcast.contracts import CodecParser, MediaSink
from camcast.errors import MediaError
from camcast.media import NS_PER_S, MediaKind, Packet, Track

from . import rtcp
from .clock import Timeline, TrackClock
from .decode_order import DecodeTimes
from .depacketise.common import DAMAGED, Bytes, Depacketiser, NalAssembler
from .formats import Payload
from .fragments import FragmentRun
from .rtp import RtpReceiver

UNTIL_KEYFRAME = "until keyframe"
NO_PARAMETERS = "waiting for parameter sets"
MAX_COMPOSITION = NS_PER_S


class TrackReceiver:
    """Wires receiver, depacketiser, clock and parser of one medium together. `deliver` takes the packets."""

    def __init__(
        self,
        payload: Payload,
        sink: MediaSink,
        deliver: Callable[[Packet], None],
        timeline: Timeline,
        clock: TrackClock,
    ) -> None:
        self.kind = payload.kind
        self.clock = clock
        self._depacketiser: Depacketiser = payload.depacketiser(self)
        self.receiver = RtpReceiver(payload.payload_type, self._depacketiser.feed, self._lost)
        self.rtp = self.receiver.feed
        """Takes one RTP packet and its arrival."""
        assembler = self._depacketiser
        self.run = FragmentRun(self.receiver, assembler) if isinstance(assembler, NalAssembler) else None
        self.reporter = rtcp.Reporter(random.getrandbits(32))
        self.delivered = 0
        self.ended = 0
        """When the camera said good-bye (ns), 0 = not yet."""
        self._sink = sink
        self._deliver = deliver
        self._timeline = timeline
        self._parser: CodecParser = payload.parser
        self._track: Track | None = None
        self._order: DecodeTimes | None = None
        self._waiting = self.kind is MediaKind.VIDEO
        self._without_sets = 0

    @property
    def track(self) -> Track | None:
        return self._parser.track

    def rtcp(self, data: Bytes, arrival: int) -> None:
        """One compound RTCP packet."""
        for report in rtcp.parse(data):
            if isinstance(report, rtcp.SenderReport):
                if report.ssrc == self.receiver.ssrc:
                    self.reporter.heard(report, arrival)
                    # All zero: a camera that does not know its wall clock.
                    if report.ntp:
                        self.clock.report(report.timestamp, report.ntp)
            elif self.receiver.ssrc in report.ssrcs:
                self.ended = self.ended or arrival

    def flush(self) -> None:
        """Hand on what waits for a gap to be filled, and for its decode time."""
        self.receiver.finish()
        if isinstance(self._depacketiser, NalAssembler):
            self._depacketiser.finish()
        if self._order is not None:
            self._release(self._order.flush())

    def receiver_report(self, now: int) -> bytes | None:
        receiver = self.receiver
        if receiver.ssrc is None:
            return None
        return self.reporter.receiver_report(receiver.ssrc, receiver.highest, receiver.received, receiver.lost, now)

    # --- from the receiver --------------------------------------------------------------------------------

    def _lost(self, count: int) -> None:
        self._depacketiser.lost(count)
        self._waiting = self.kind is MediaKind.VIDEO

    # --- from the depacketiser (UnitSink) -----------------------------------------------------------------

    def missing(self, reason: str) -> None:
        self._sink.dropped(self.kind, reason)
        self._waiting = self.kind is MediaKind.VIDEO

    def unit(self, data: bytes, timestamp: int) -> None:
        arrival = self.receiver.arrival
        shown_by_order = self._order is not None and self._timeline.by_arrival
        time = self.clock.camera_time(timestamp) if shown_by_order else self.clock.stamp(timestamp, arrival)
        try:
            packet = self._parser.parse(data, time, time, arrival)
        except MediaError:
            self.missing(DAMAGED)
            return
        if packet is None:
            self._without_picture()
        elif self._waiting and not packet.keyframe:
            self._sink.dropped(self.kind, UNTIL_KEYFRAME)
        else:
            self._waiting = False
            if packet.track is not self._track:
                self._change(packet.track)
            if self._order is None:
                self.delivered += 1
                self._deliver(packet)
            else:
                self._release(self._order.push(packet))

    def _without_picture(self) -> None:
        """Parameter sets alone are fine; a picture that lacks them is missing."""
        without = self._parser.counts.get(NO_PARAMETERS, 0)
        if without > self._without_sets:
            self._sink.dropped(self.kind, NO_PARAMETERS, without - self._without_sets)
            self._without_sets = without

    def _change(self, track: Track) -> None:
        before, self._track = self._track, track
        if before is None or before.reorder != track.reorder:
            if self._order is not None:
                self._release(self._order.flush())
            self._order = DecodeTimes(track.reorder, track.frame_rate) if track.reorder else None

    def _release(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self._timeline.by_arrival:
                composition = min(max(packet.pts - packet.dts, 0), MAX_COMPOSITION)
                packet.dts = self.clock.arrival_time(packet.arrival)
                packet.pts = packet.dts + composition
            self.delivered += 1
            self._deliver(packet)
