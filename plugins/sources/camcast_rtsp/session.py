"""One session with a camera: its tracks and what they share, and the way of their packets to the sink."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import attrs

from camcast.contracts import MediaSink
from camcast.media import NS_PER_S, MediaKind, Packet

from .clock import Timeline, TrackClock
from .limits import Meter, Offence
from .oddities import Oddities
from .track import TrackReceiver
from .udp import UdpPair

TOGETHER = 2 * NS_PER_S
"""So long the first track waits for the others to be known."""


@attrs.define(eq=False)
class Medium:
    """A track that is set up, with its way back to the camera."""

    receiver: TrackReceiver
    control: str
    send_rtcp: Callable[[bytes], None]
    feedback: bool


class Session:
    """What is set up on one connection."""

    def __init__(self, sink: MediaSink, oddities: Oddities, *, by_arrival: bool) -> None:
        self.media: list[Medium] = []
        self.pairs: list[UdpPair] = []
        self.aggregate = ""
        """The URL that means all tracks together."""
        self.public = ""
        """The methods that the camera says it knows, in upper case."""
        self.announced: list[Medium] = []
        """Tracks that the sink knows of."""
        self.meter = Meter()
        self.oddities = oddities
        self.timeline = Timeline(
            by_arrival=by_arrival,
            on_wrong_rate=self._wrong_rate,
            on_drift=self._drift,
            on_set=lambda: oddities.tell("its clock was set while it played, which leaves no hole"),
            on_too_early=lambda: oddities.tell(
                "its reports (RTCP) are about moments before what it has sent, as without the number that its "
                "timestamps begin with; they are not used"
            ),
        )
        self._sink = sink
        self._first = 0

    @property
    def leading(self) -> TrackReceiver:
        return self.media[0].receiver

    def close(self) -> None:
        for pair in self.pairs:
            pair.close()

    def all_read(self) -> bool:
        """Whether what is missing has not come, instead of waiting to be read where this loop is behind. Reads on."""
        missing = any(medium.receiver.receiver.held for medium in self.media)
        return not missing or all(pair.drain() for pair in self.pairs)

    def flush(self) -> None:
        """Hand on what still waits."""
        for pair in self.pairs:
            pair.drain()
        for medium in self.media:
            with contextlib.suppress(Offence):
                medium.receiver.flush()

    def request_keyframe(self) -> bool:
        """Asks by RTCP (RFC 4585) where the camera's description says that it listens."""
        asked = False
        for medium in self.media:
            ssrc = medium.receiver.receiver.ssrc
            if medium.feedback and medium.receiver.kind is MediaKind.VIDEO and ssrc is not None:
                medium.send_rtcp(medium.receiver.reporter.picture_loss(ssrc))
                asked = True
        return asked

    def report(self, now: int) -> None:
        for medium in self.media:
            report = medium.receiver.receiver_report(now)
            if report is not None:
                medium.send_rtcp(report)

    def deliver(self, packet: Packet) -> None:
        """A track's packet, to the sink: not before all tracks are known, or one has waited for `TOGETHER`."""
        if len(self.announced) < len(self.media) and not self._announce(packet):
            self._sink.dropped(packet.track.kind, "before all tracks were known")
            return
        # What becomes of it is not the camera's doing.
        self.meter.leave()
        self._sink.packet(packet)
        self.meter.enter()

    def _announce(self, packet: Packet) -> bool:
        """Tell the sink which tracks there are, as far as that is known; whether this packet's is one of them."""
        now = packet.arrival or time.monotonic_ns()
        self._first = self._first or now
        known = [medium for medium in self.media if medium.receiver.known is not None]
        patient = not self.announced and now - self._first < TOGETHER
        if len(known) == len(self.media) or (not patient and len(known) > len(self.announced)):
            self.announced = known
            self._sink.tracks([track for medium in known if (track := medium.receiver.known) is not None])
        return any(medium.receiver.kind is packet.track.kind for medium in self.announced)

    # --- clocks -------------------------------------------------------------------------------------------

    def _name(self, clock: TrackClock) -> str:
        return next((medium.receiver.kind.value for medium in self.media if medium.receiver.clock is clock), "media")

    def _wrong_rate(self, clock: TrackClock, factor: float) -> None:
        name = self._name(clock)
        runs = f"runs at {factor:.2f} times real time" if factor else "stands still from one unit to the next"
        self.oddities.warn(
            "camera_clock", f"the clock of its {name} {runs}; arrival times replace its timestamps", name
        )

    def _drift(self, clock: TrackClock, factor: float) -> None:
        self.oddities.tell(
            f"the clock of its {self._name(clock)} runs at {factor:.3f} times real time, which is mended by arrival"
        )
