"""Sound kept beside the picture by what both report, unit by unit. No I/O.

A large error is mended at once the first time, where that moves the track forward; all others by stretching it a
little, so that its time never runs back. Errors beyond `MAX_OFFSET` are about different clocks: such a track is not
kept beside the other one, and is left to its own drift. So is one where a report is about a moment before what has come
already, and the other track's is not: firmware exists that leaves out of its reports what its timestamps begin with.
"""

from __future__ import annotations

from typing import Protocol

from camcast.media import NS_PER_S

from .rate import MAX_DRIFT, Drift
from .reports import LAST, UNSURE, Reports

MAX_OFFSET = 10 * NS_PER_S
AT_ONCE = NS_PER_S
"""To be stretched over more would take longer than a hole is heard."""
LARGE = NS_PER_S // 4
TOO_EARLY = 3 * NS_PER_S // 10
"""Nothing is taken after the report about its moment was made, so what has come before that cannot be later than it."""
SHARE, LARGE_SHARE = 16, 6
"""By this part of what has passed a track is stretched, by the other while the error is large."""


class Leader(Protocol):
    """The clock of the track that another one is kept beside."""

    reports: Reports
    drift: Drift
    by_arrival: bool

    def time_at(self, media: int) -> int: ...


class Beside:
    """Of the track that reports `own`, beside `leader`."""

    def __init__(self, own: Reports, leader: Leader) -> None:
        self.slew: float | None = None
        """What the line gains on the track's clock so that it stays there: 0.01 = 10 ms in a second; None = it is not
        kept there."""
        self.apart = False
        """Their reports are about different clocks."""
        self.too_early = False
        """One's are about moments too early."""
        self._own = own
        self._leader = leader
        self._settled = False
        """They have brought this track to the other one's line."""
        self._compared = 0
        """Arrival of the last unit that was."""

    def gain(self, media: int, line: int, progress: int, arrival: int) -> int | None:
        """What `line` gains while the track's clock goes on by `progress` to `media` (ns); None = is not kept."""
        leader, own = self._leader, self._own
        error: int | None = None
        self.apart = self.too_early = False
        if own.known(arrival) and leader.reports.known(arrival) and not leader.by_arrival:
            error = leader.time_at(leader.reports.media(own.ntp(media))) - media - line
            self.too_early = _too_early(own, leader.reports)
            self.apart = self.too_early or abs(error) > MAX_OFFSET
            # A first report may be wrong.
            if abs(error) > UNSURE and not (own.sure and leader.reports.sure):
                error = None
        # Between reports that tell something it goes on as the other one does.
        settled = self._settled and arrival - self._compared < LAST
        # Nothing else would mend its drift while it counts as kept.
        if leader.by_arrival or self.apart or not (error is not None or settled):
            self.slew = None
            return None
        slew = leader.reports.pace / own.pace * (1 + leader.drift.slew) - 1
        self.slew = max(-MAX_DRIFT, min(MAX_DRIFT, slew))
        gained = int(progress * self.slew)
        return gained if error is None else gained + self._mend(error - gained, progress, arrival)

    def forget(self) -> None:
        """The line is another one."""
        self._settled = False

    def _mend(self, error: int, progress: int, arrival: int) -> int:
        first, self._settled, self._compared = not self._settled, True, arrival
        if first and error > AT_ONCE:
            return error
        most = progress // (LARGE_SHARE if abs(error) > LARGE else SHARE)
        return max(-most, min(most, error))


def _too_early(own: Reports, others: Reports) -> bool:
    """Whether one track's reports are about moments before what has come of it, and not for being older."""
    difference = own.earlier_than(others)
    early, by = (own, difference) if difference > 0 else (others, -difference)
    return by > TOO_EARLY and early.ahead > TOO_EARLY
