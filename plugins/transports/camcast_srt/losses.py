"""Looks at what libsrt says is lost on one link, sets the pace by it, and tells an operator once."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast_srt.backlog import Backlog
from camcast_srt.link import HEADERS, Link
from camcast_srt.pace import Counts, Pace


@attrs.define(eq=False)
class Losses:
    """Of one connection, from when media flows."""

    shown: str
    """Where to, redacted."""
    note: Callable[[str, str], object]
    pace: Pace
    _shortest_trip: float = attrs.field(default=0.0, init=False)
    """Seconds."""
    _told: bool = attrs.field(default=False, init=False)
    """Of the present time of losses."""

    def look(self, link: Link, backlog: Backlog, now: float) -> str:
        """Take a look if one is due. Returns why the connection has to be begun anew; "" = it has not."""
        if not self.pace.due(now):
            return ""
        figures = link.figures()
        # Before the first acknowledgement libsrt's round trip is a guess.
        if figures is None or figures.pktRecvACKTotal <= 0:
            return ""
        trip = figures.msRTT / 1000
        self._shortest_trip = min(self._shortest_trip or trip, trip)
        # The age of the oldest that libsrt holds, which is a second or the latency at most, as it gives that up; or
        # the round trip, which the receiver measures through the same queue.
        took = max(figures.msSndBuf, figures.msRTT) / 1000
        late = took - figures.msSndTsbPdDelay / 1000 - self._shortest_trip
        counts = Counts(
            sent=figures.pktSentTotal,
            lost=figures.pktSndLossTotal,
            under_way=figures.pktFlightSize,
            answers=figures.pktRecvACKTotal,
            late=late,
            took=took,
            covers=figures.msSndTsbPdDelay / 1000 + 2 * self._shortest_trip,
            handed=figures.taken + HEADERS * (figures.pktSentTotal - figures.pktRetransTotal),
            carries=figures.mbpsBandwidth * 1e6 / 8,
        )
        self.pace.look(counts, backlog.waited, now)
        backlog.waited, backlog.limit = False, self.pace.limit
        if self.pace.certain and not self._told:
            self._tell()
        self._told = self.pace.limit is not None or (self.pace.impaired and (self._told or self.pace.certain))
        return self._lasting(late) if self.pace.lasting else ""

    def _lasting(self, late: float) -> str:
        """Why this connection is of no use any more: its receiver judges by the way as it was at first."""
        return (
            f"what is sent to {self.shown} comes there {late:.1f} s later than the latency covers, however little it "
            "is: the way there has become longer, or others fill it"
        )

    def _tell(self) -> None:
        what = (
            f"what is sent to {self.shown} comes there later than the latency covers, too late to be shown"
            if self.pace.queued
            else f"{self.pace.share:.0%} of the packets are lost on the way to {self.shown}, more than can be made good"
        )
        self.note(
            "srt_losses",
            f"{what}: pictures are missing there. The link may be too thin for the stream: no more is sent now than it "
            "carries, in whole groups of pictures. Or the latency is too short",
        )
