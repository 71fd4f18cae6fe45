"""What sender reports (RFC 3550 §6.4.1) tell of a track: where it lies beside the one that it follows. No I/O.

A large error is mended at once the first time, where that moves the track forward; all others by stretching it a
little, so that its time never runs back. Reports that are off by more than `MAX_OFFSET` are about different clocks and
are ignored. A report that does not continue those before it means that the camera's wall clock was set: then all tracks
must have reported anew before they are compared.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.media import NS_PER_S

from .rate import MAX_DRIFT, Drift

MAX_OFFSET = 10 * NS_PER_S
SET = NS_PER_S // 8
"""Reports that disagree with those before them by more tell of a wall clock that was set."""
LARGE = NS_PER_S // 4
LAST = 60 * NS_PER_S
"""Without a new one for so long, reports say nothing any more."""

LEARN = NS_PER_S // 2
"""Reports that follow each other faster say little of how clocks run."""
SHARE = 0.25
"""Of a rate that two reports show, what is believed at once: cameras round their reports."""


@attrs.frozen
class Report:
    """A moment by the camera's wall clock (`ntp`, ns) and where it lies on our line."""

    ntp: int
    time: int


class Reports:
    """Of one track, whose `drift` is known. `session`: those of all tracks, itself put there too."""

    def __init__(
        self,
        drift: Drift,
        session: list[Reports],
        follows: Reports | None = None,
        on_set: Callable[[], object] = lambda: None,
    ) -> None:
        """`on_set` is called when the camera's wall clock was set."""
        self.ignored = 0
        self.last: Report | None = None
        self.rate = 0.0
        """What the line gains besides its drift, so that reports agree: 0.01 = 10 ms in a second."""
        self._drift = drift
        self._on_set = on_set
        self._session = session
        session.append(self)
        self._follows = follows
        self._correction = 0
        """What is still to be added to the line, little by little."""
        self._moved = 0
        """How far the line was moved since the last report."""
        self._settled = False
        """They have brought this track to the other one's line."""
        self._compared = 0
        """Arrival of the last unit before they were compared."""
        self._compared_ntp = 0
        self._pace = 1.0
        """How far our line goes on while the camera's wall clock goes on by 1: both clocks may be wrong."""
        self._shown = 0.0
        """What the last two reports showed of it; 0 = none."""

    def heard(self, new: Report, arrival: int) -> int:
        """Take one in; `arrival` is that of the last unit. Returns by how much (ns) the line moves at once."""
        before, self.last = self.last, new
        if before is not None:
            # Where it would lie by what has been mended since.
            before = Report(before.ntp, before.time + self._moved)
        self._moved = 0
        if before is not None and self._was_set(before, new):
            # What others reported is about the old one.
            self._on_set()
            for other in self._session:
                if other is not self:
                    other.last = None
            self._correction = 0
            return 0
        follows = self._follows
        if follows is None or follows.last is None:
            return 0
        return self._compare(follows._expected(follows.last, new.ntp) - new.time, arrival, new.ntp)

    def stretch(self, progress: int) -> int:
        """What the line gains on top while the camera's clock goes on by `progress` ns."""
        steady = int(progress * self.rate)
        if not self._correction:
            return steady
        share = 4 if abs(self._correction) > LARGE else 16
        part = progress // share
        part = min(part, self._correction) if self._correction > 0 else -min(part, -self._correction)
        self._correction -= part
        self._moved += part
        return steady + part

    def keep(self, arrival: int) -> bool:
        """Whether they keep this track beside the other one, at the `arrival` of a unit."""
        return self._settled and arrival - self._compared < LAST

    def forget(self) -> None:
        """The line is another one: what was compared with it says nothing."""
        self.last = None
        self._correction = 0
        self._settled = False
        self._moved = 0
        self._pace, self._shown = 1.0, 0.0

    def _was_set(self, before: Report, new: Report) -> bool:
        """Whether the wall clock was set between two reports; else they tell the pace."""
        passed, gone = new.ntp - before.ntp, new.time - before.time
        agree = abs(self._expected(before, new.ntp) - new.time) <= SET
        if passed < LEARN:
            return not agree
        shown, self._shown = self._shown, gone / passed
        if agree:
            self._pace += SHARE * (self._shown - self._pace)
            return False
        if abs(self._shown - 1) > MAX_DRIFT or abs(self._shown - shown) * passed > SET:
            return True
        # Off by as much as before: it was not set, it runs so.
        self._pace = self._shown
        return False

    def _expected(self, report: Report, ntp: int) -> int:
        """Our time of the moment `ntp`, by an earlier report."""
        passed = ntp - report.ntp
        return report.time + int(passed * self._pace)

    def _compare(self, error: int, arrival: int, ntp: int) -> int:
        if abs(error) > MAX_OFFSET:
            self.ignored += 1
            self._correction = 0
            return 0
        self._compared = arrival
        passed, self._compared_ntp = ntp - self._compared_ntp, ntp
        at_once = error > LARGE and not self._settled
        if self._settled and LEARN < passed < LAST:
            # What has come up since the last time, beside what was still to be mended.
            self.rate += SHARE * (error - self._correction) / passed
            self.rate = max(-MAX_DRIFT, min(MAX_DRIFT, self.rate))
        self._settled = True
        if at_once:
            self._correction = 0
            self._moved = error
            self._drift.reset()
            return error
        self._correction = error
        return 0
