"""One medium of a camera on its way: RTP packets in, camcast's packets out, whatever is missing counted."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence

from camcast.contracts import CodecParser, MediaSink
from camcast.errors import MediaError
from camcast.media import NS_PER_S, MediaKind, Packet, Track

from . import rtcp
from .clock import TrackClock
from .decode_order import DecodeTimes
from .depacketise.common import DAMAGED, Bytes, Depacketiser, NalAssembler
from .formats import Payload
from .fragments import FragmentRun
from .limits import Meter
from .rtp import RtpReceiver

UNTIL_KEYFRAME = "until keyframe"
NO_PARAMETERS = "waiting for parameter sets"
CLOCK = "clock mended"
MAX_COMPOSITION = NS_PER_S
MAX_AHEAD = 3 * NS_PER_S // 10
REMEMBERED = 8
"""Distances between units."""
SURE = 16
"""Packets in a row of another payload type after which the camera has gone over to it."""


class TrackReceiver:
    """Wires receiver, depacketiser, clock and parser of one medium together. `deliver` takes the packets."""

    def __init__(
        self,
        ways: Sequence[Payload],
        sink: MediaSink,
        deliver: Callable[[Packet], None],
        clock: TrackClock,
        meter: Meter,
    ) -> None:
        """`ways`: the formats that the camera may send, the likeliest first."""
        self.kind = ways[0].kind
        self.clock = clock
        self.run: FragmentRun | None = None
        self.reporter = rtcp.Reporter(random.getrandbits(32))
        self.delivered = 0
        self.ended = 0
        """When the camera said good-bye (ns), 0 = not yet."""
        self.missing_by_reason: Counter[str] = Counter()
        """Units that were left out."""
        self.gaps: deque[int] = deque(maxlen=REMEMBERED)
        """Distances between the last units, ns."""
        self._ways = {way.payload_type: way for way in reversed(ways)}
        self._sink = sink
        self._deliver = deliver
        self._meter = meter
        self._other = (0, 0)
        """Another payload type that comes, and how many packets of it in a row."""
        self._unit_arrival = 0
        self._track: Track | None = None
        self._order: DecodeTimes | None = None
        self._waiting = self.kind is MediaKind.VIDEO
        self._by_arrival = clock.by_arrival
        self._without_sets = 0
        self.way = ways[0]
        """The format that comes."""
        self._parser: CodecParser = self.way.parser
        self._depacketiser: Depacketiser = self.way.depacketiser(self)
        self.receiver = RtpReceiver(self.way.payload_type, self._depacketiser.feed, self._lost, self._goes_over)
        self.rtp = self.receiver.feed
        """Takes one RTP packet and its arrival."""
        if isinstance(self._depacketiser, NalAssembler):
            self.run = FragmentRun(self.receiver, self._depacketiser)

    @property
    def track(self) -> Track | None:
        return self._parser.track

    def takes(self, payload_type: int) -> bool:
        """Whether packets of this type are ours."""
        return payload_type in self._ways

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

    def _goes_over(self, payload_type: int) -> bool:
        """Packets come of another payload type than before: whether to take it from here on."""
        way = self._ways.get(payload_type)
        known, count = self._other
        count = count + 1 if known == payload_type else 1
        self._other = (payload_type, count)
        if self.receiver.received and count < SURE:
            return False
        if way is None:
            # Nothing in the SDP says what it is. Where nothing else comes, it must be what the SDP means.
            if self.receiver.received or count < SURE:
                return False
            way = self.way
        if way is not self.way:
            self._use(way)
        self._other = (0, 0)
        return True

    def _use(self, way: Payload) -> None:
        self.flush()
        self.way = way
        self._parser = way.parser
        self._depacketiser = way.depacketiser(self)
        self._order, self._without_sets = None, 0
        self._waiting = self.kind is MediaKind.VIDEO
        self.clock.change_rate(way.clock_rate)
        self.receiver.hand_to(self._depacketiser.feed)
        if self.run is not None:
            self.run.use(self._depacketiser if isinstance(self._depacketiser, NalAssembler) else None)

    # --- from the depacketiser (UnitSink) -----------------------------------------------------------------

    def missing(self, reason: str) -> None:
        self._meter.units += 1
        self._leave_out(reason)
        self._waiting = self.kind is MediaKind.VIDEO

    def unit(self, data: bytes, timestamp: int) -> None:
        arrival = self.receiver.arrival
        self._meter.units += 1
        if arrival != self._unit_arrival:
            if self._unit_arrival:
                self.gaps.append(arrival - self._unit_arrival)
            self._unit_arrival = arrival
        clock = self.clock
        if clock.by_arrival and self._order is not None:
            if not self._by_arrival:
                self._by_arrival = True
                self._release(self._order.reset())
            time = clock.camera_time(timestamp)
        else:
            time = clock.stamp(timestamp, arrival)
            if clock.ahead > MAX_AHEAD and self.kind is MediaKind.AUDIO:
                # Its clock ran ahead before it was given up; what comes now belongs to times already passed.
                self._leave_out(CLOCK)
                return
        try:
            packet = self._parser.parse(data, time, time, arrival)
        except MediaError:
            self._leave_out(DAMAGED)
            self._waiting = self.kind is MediaKind.VIDEO
            return
        if packet is None:
            self._without_picture()
        elif self._waiting and not packet.keyframe:
            self._leave_out(UNTIL_KEYFRAME)
        else:
            self._waiting = False
            if packet.track is not self._track:
                self._change(packet.track)
            if self._order is None:
                self.delivered += 1
                self._deliver(packet)
            else:
                self._release(self._order.push(packet))

    def _leave_out(self, reason: str, count: int = 1) -> None:
        self.missing_by_reason[reason] += count
        self._sink.dropped(self.kind, reason, count)

    def _without_picture(self) -> None:
        """Parameter sets alone are fine; a picture that lacks them is missing."""
        without = self._parser.counts.get(NO_PARAMETERS, 0)
        if without > self._without_sets:
            self._leave_out(NO_PARAMETERS, without - self._without_sets)
            self._without_sets = without

    def _change(self, track: Track) -> None:
        before, self._track = self._track, track
        if before is not None:
            self._meter.changed(self.receiver.arrival)
        if before is None or before.reorder != track.reorder:
            if self._order is not None:
                self._release(self._order.flush())
            self._order = DecodeTimes(track.reorder, track.frame_rate) if track.reorder else None

    def _release(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self.clock.by_arrival:
                composition = min(max(packet.pts - packet.dts, 0), MAX_COMPOSITION)
                packet.dts = self.clock.arrival_time(packet.arrival)
                packet.pts = packet.dts + composition
            self.delivered += 1
            self._deliver(packet)
