"""What sender reports (RFC 3550 §6.4.1) tell of a track: where it lies beside the one that it follows. No I/O.

A large error is mended at once the first time, where that moves the track forward; all others by stretching it a
little, so that its time never runs back. Reports that are off by more than `MAX_OFFSET` are about different clocks and
are ignored. A report that does not continue those before it means that the camera's wall clock was set: then all tracks
must have reported anew before they are compared.
"""

from __future__ import annotations

import attrs

from camcast.media import NS_PER_S

from .rate import Drift

MAX_OFFSET = 10 * NS_PER_S
SET = NS_PER_S // 8
"""Reports that disagree with those before them by more tell of a wall clock that was set."""
LARGE = NS_PER_S // 4
LAST = 60 * NS_PER_S
"""Without a new one for so long, reports say nothing any more."""


@attrs.frozen
class Report:
    """A moment by the camera's wall clock (`ntp`, ns) and where it lies on our line."""

    ntp: int
    time: int


class Reports:
    """Of one track, whose `drift` is known. `session`: those of all tracks, itself put there too."""

    def __init__(self, drift: Drift, session: list[Reports], follows: Reports | None = None) -> None:
        self.ignored = 0
        self.last: Report | None = None
        self._drift = drift
        self._session = session
        session.append(self)
        self._follows = follows
        self._correction = 0
        """What is still to be added to the line, little by little."""
        self._settled = False
        """They have brought this track to the other one's line."""
        self._compared = 0
        """Arrival of the last unit before they were compared."""

    def heard(self, new: Report, arrival: int) -> int:
        """Take one in; `arrival` is that of the last unit. Returns by how much (ns) the line moves at once."""
        before, self.last = self.last, new
        if before is not None and abs(self._expected(before, new.ntp) - new.time) > SET:
            # The wall clock was set. What others reported is about the old one.
            for other in self._session:
                if other is not self:
                    other.last = None
            self._correction = 0
            return 0
        follows = self._follows
        if follows is None or follows.last is None:
            return 0
        return self._compare(follows._expected(follows.last, new.ntp) - new.time, arrival)

    def stretch(self, progress: int) -> int:
        """What the line gains on top while the camera's clock goes on by `progress` ns."""
        if not self._correction:
            return 0
        share = 4 if abs(self._correction) > LARGE else 16
        part = progress // share
        part = min(part, self._correction) if self._correction > 0 else -min(part, -self._correction)
        self._correction -= part
        return part

    def keep(self, arrival: int) -> bool:
        """Whether they keep this track beside the other one, at the `arrival` of a unit."""
        return self._settled and arrival - self._compared < LAST

    def forget(self) -> None:
        """The line is another one: what was compared with it says nothing."""
        self.last = None
        self._correction = 0
        self._settled = False

    def _expected(self, report: Report, ntp: int) -> int:
        """Our time of the moment `ntp`, by an earlier report."""
        passed = ntp - report.ntp
        return report.time + passed + int(passed * self._drift.slew)

    def _compare(self, error: int, arrival: int) -> int:
        if abs(error) > MAX_OFFSET:
            self.ignored += 1
            self._correction = 0
            return 0
        self._compared = arrival
        at_once = error > LARGE and not self._settled
        self._settled = True
        if at_once:
            self._correction = 0
            self._drift.reset()
            return error
        self._correction = error
        return 0
