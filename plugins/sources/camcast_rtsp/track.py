"""One medium of a camera on its way: RTP packets in, camcast's packets out, whatever is missing counted."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence

from camcast.bitstream.parser import REFRESHED
from camcast.contracts import CodecParser, MediaSink
from camcast.errors import MediaError
from camcast.media import NS_PER_S, MediaKind, Packet, Track

from . import rtcp
from .clock import TrackClock
from .delivery import Delivery
from .depacketise.common import DAMAGED, Bytes, Depacketiser, NalAssembler
from .formats import Payload
from .fragments import FragmentRun
from .limits import Meter
from .rtcp import SenderReport
from .rtp import RtpReceiver
from .ways import Ways

UNTIL_KEYFRAME = "until keyframe"
NO_PARAMETERS = "waiting for parameter sets"
CLOCK = "clock mended"
MAX_AHEAD = 3 * NS_PER_S // 10
REMEMBERED = 8
"""Distances between units."""


class TrackReceiver:
    """Wires receiver, depacketiser, clock and parser of one medium together. `deliver` takes the packets."""

    def __init__(
        self,
        ways: Sequence[Payload],
        sink: MediaSink,
        deliver: Callable[[Packet], None],
        clock: TrackClock,
        meter: Meter,
        *,
        in_order: bool = False,
    ) -> None:
        """`ways`: the formats that the camera may send, the likeliest first. `in_order`: packets come as they were
        sent."""
        self.ways = Ways(ways)
        self.kind = ways[0].kind
        self.clock = clock
        self.run: FragmentRun | None = None
        self.reporter = rtcp.Reporter(random.getrandbits(32))
        self.ended = 0
        """When the camera said good-bye (ns), 0 = not yet."""
        self.missing_by_reason: Counter[str] = Counter()
        """Units that were left out."""
        self.refusal = ""
        """What the parser said of the first unit that it could not read."""
        self.oddities: set[str] = set()
        """What is odd about its packets, and has not been told."""
        self.gaps: deque[int] = deque(maxlen=REMEMBERED)
        """Distances between the last units, ns."""
        self.on_foreign: Callable[[int], object] = lambda payload_type: None
        """Told of packets whose payload type is none of ours."""
        self._sink = sink
        self._delivery = Delivery(clock, deliver)
        self._meter = meter
        self._early: tuple[SenderReport, int] | None = None
        """The last that came before any packet did, which tells whether it is about us; and its arrival."""
        self._unit_arrival = 0
        self._begun = 0
        """When what is being collected began to come, by when what was before it was handed on; 0 = unknown."""
        self._track: Track | None = None
        self._waiting = self.kind is MediaKind.VIDEO
        self._without_sets = 0
        way = self.ways.now
        self._parser: CodecParser = way.parser
        self._depacketiser: Depacketiser = way.depacketiser(self)
        self.receiver = RtpReceiver(
            way.payload_type,
            self._depacketiser.feed,
            self._lost,
            self._goes_over,
            self._unnumbered if in_order else None,
        )
        meter.watch(self.receiver)
        self.rtp = self.receiver.feed
        """Takes one RTP packet and its arrival."""
        if isinstance(self._depacketiser, NalAssembler):
            self.run = FragmentRun(self.receiver, self._depacketiser)

    @property
    def track(self) -> Track | None:
        return self._parser.track

    @property
    def known(self) -> Track | None:
        """The track, if it is known and nothing else may come: of several formats, the first packet tells."""
        return self.track if self.receiver.received or len(self.ways) == 1 else None

    @property
    def refreshes(self) -> bool:
        """Whether pictures became right only bit by bit: no keyframe had come for a while."""
        return self._parser.counts.get(REFRESHED, 0) > 0

    @property
    def delivered(self) -> int:
        """Packets handed on."""
        return self._delivery.count

    def rtcp(self, data: Bytes, arrival: int) -> None:
        """One compound RTCP packet."""
        self._meter.heard(len(data))
        for report in rtcp.parse(data):
            if isinstance(report, SenderReport):
                if self.receiver.ssrc is None:
                    self._early = (report, arrival)
                else:
                    self._report(report, arrival)
            elif self.receiver.ssrc in report.ssrcs:
                self.ended = self.ended or arrival

    def _report(self, report: SenderReport, arrival: int) -> None:
        if report.ssrc == self.receiver.ssrc:
            self._early = None
            self.reporter.heard(report, arrival)
            if report.tells_time:
                self.clock.report(report.timestamp, report.ntp)

    def flush(self) -> None:
        """Hand on what waits for a gap to be filled, and for its decode time."""
        self.receiver.finish()
        if isinstance(self._depacketiser, NalAssembler):
            self._depacketiser.finish()
        self._delivery.flush()

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
        way = self.ways.other(payload_type, begun=self.receiver.received > 0)
        if way is None:
            self.on_foreign(payload_type)
        elif way is not self.ways.now:
            self._use(way)
        elif payload_type not in self.ways:
            self.odd("it sends another payload type than its description names")
        return way is not None

    def _unnumbered(self) -> None:
        self.odd("its packets' numbers (RTP) do not go on from one to the next; they are not used")

    def _use(self, way: Payload) -> None:
        self.flush()
        self.ways.now = way
        self._parser = way.parser
        self._depacketiser = way.depacketiser(self)
        self._delivery.begin_anew()
        self._without_sets = 0
        self._waiting = self.kind is MediaKind.VIDEO
        self.clock.change_rate(way.clock_rate)
        self.receiver.hand_to(self._depacketiser.feed)
        if self.run is not None:
            self.run.use(self._depacketiser if isinstance(self._depacketiser, NalAssembler) else None)

    # --- from the depacketiser (UnitSink) -----------------------------------------------------------------

    def missing(self, reason: str) -> None:
        self._meter.units += 1
        self._begun = self.receiver.arrival
        self._leave_out(reason)
        self._waiting = self.kind is MediaKind.VIDEO

    def odd(self, text: str) -> None:
        self.oddities.add(text)

    def runs_at(self, rate: int) -> None:
        self.odd(f"the clock of its {self.kind.value} runs at {rate} Hz, which is not what its description says")
        self.clock.change_rate(rate)

    def unit(self, data: bytes, timestamp: int) -> None:
        arrival, begun = self.receiver.arrival, self._begun
        self._begun = arrival
        self._meter.units += 1
        if arrival != self._unit_arrival:
            if self._unit_arrival:
                self.gaps.append(arrival - self._unit_arrival)
            self._unit_arrival = arrival
        if self._early is not None:
            early, self._early = self._early, None
            self._report(*early)
        if begun and isinstance(self._depacketiser, NalAssembler) and not self._depacketiser.ended:
            # It came long before, where its track has paused.
            arrival = begun
        time = self._delivery.time(timestamp, arrival)
        if self.kind is MediaKind.AUDIO and self.clock.ahead > MAX_AHEAD:
            # Its clock ran ahead before it was given up; what comes now belongs to times already passed.
            self._leave_out(CLOCK)
            return
        try:
            packet = self._parser.parse(data, time, time, arrival)
        except MediaError as error:
            self.refusal = self.refusal or str(error)
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
            self._delivery.push(packet)

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
            self._delivery.follow(track)
