"""What sender reports (RFC 3550 §6.4.1) tell of a track: which moment of its clock is which of the camera's wall clock.
No I/O.

All here is by the camera's own clocks, never by our line: what we do to the line between two reports would otherwise
look like a clock that runs wrong. A report that does not continue those before it means that the camera's wall clock
was set: then all tracks must have reported anew before they are compared. Cameras exist whose reports never continue
each other (timestamps of another clock, or always the same): until a second one does, a large error is not believed.
"""

from __future__ import annotations

import attrs

from camcast.media import NS_PER_S

from .rate import MAX_DRIFT

SET = NS_PER_S // 8
"""Reports that disagree with those before them by more tell of a wall clock that was set."""
LAST = 60 * NS_PER_S
"""Without a new one for so long, reports say nothing any more."""
LEARN = NS_PER_S // 2
"""Reports that follow each other faster say little of how clocks run."""
SHARE = 0.25
"""Of what a report shows, what is believed at once: cameras round their reports, and busy ones make them late."""
UNSURE = NS_PER_S // 2
"""What a report tells is believed up to so much before another one has gone on from it."""
PACE_SHARE = 0.1
"""Likewise of the pace that two of them show."""


@attrs.frozen
class Report:
    """A moment by the camera's wall clock (`ntp`) and by the track's (`media`), both ns."""

    ntp: int
    media: int


class Reports:
    """Of one track."""

    def __init__(self) -> None:
        self.pace = 1.0
        """How far the track's clock goes on while the wall clock goes on by 1: both may be wrong."""
        self._last: Report | None = None
        self._known: Report | None = None
        """A moment as all reports together tell it."""
        self._count = 0
        """Of them since there were none, as far as it matters."""
        self.sure = False
        """The last one went on from the one before."""
        self._heard = 0
        """Arrival of the last unit before the last one."""
        self.ahead = 0
        """By how much that unit's moment was behind the last report's, by the track's clock."""
        self._age = 0
        """How old the last one was by the wall clock, but for what is between that and ours."""
        self._shown = 0.0
        """The pace that the last two showed; 0 = none."""

    def heard(self, new: Report, arrival: int, ahead: int = 0) -> bool:
        """Take one in; `arrival` is that of the last unit, whose moment is behind the report's by `ahead`. Whether it
        tells that the wall clock was set."""
        before, self._last = self._last, new
        self._heard, self.ahead, self._age = arrival, ahead, arrival - new.ntp
        was_set = before is not None and self._was_set(before, new)
        if was_set or before is None:
            self.sure = False
        elif new.ntp - before.ntp >= LEARN:
            self.sure = True
        if was_set or self._known is None:
            self._known, self._count = new, 1
        else:
            self._count = min(self._count + 1, round(1 / SHARE))
            expected = self.media(new.ntp)
            self._known = Report(new.ntp, expected + (new.media - expected) // self._count)
        return was_set

    def known(self, arrival: int) -> bool:
        """Whether they tell anything, at the `arrival` of a unit."""
        return self._known is not None and arrival - self._heard < LAST

    def media(self, ntp: int) -> int:
        """The track's time at a moment of the wall clock."""
        assert self._known is not None, "none has come"
        return self._known.media + int((ntp - self._known.ntp) * self.pace)

    def ntp(self, media: int) -> int:
        """The wall clock's time at a moment of the track."""
        assert self._known is not None, "none has come"
        return self._known.ntp + int((media - self._known.media) / self.pace)

    def earlier_than(self, other: Reports) -> int:
        """By how much these are about earlier moments of their track than the other one's, given that both are as old
        by the wall clock."""
        return (self.ahead - self._age) - (other.ahead - other._age)

    def renew(self) -> None:
        """The wall clock was set: what came before says nothing of where it stands."""
        self._last = self._known = None
        self.sure = False

    def forget(self) -> None:
        """The track's clock is another one, or was set."""
        self.renew()
        self.pace, self._shown = 1.0, 0.0

    def _was_set(self, before: Report, new: Report) -> bool:
        """Whether the wall clock was set between two reports; else they tell the pace."""
        passed, gone = new.ntp - before.ntp, new.media - before.media
        agree = abs(before.media + int(passed * self.pace) - new.media) <= SET
        if passed < LEARN:
            return not agree
        shown, self._shown = self._shown, gone / passed
        if agree:
            pace = self.pace + PACE_SHARE * (self._shown - self.pace)
            # Many reports, each within `SET`, must not add up to what a single one is not believed.
            self.pace = min(max(pace, 1 - MAX_DRIFT), 1 + MAX_DRIFT)
            return False
        if abs(self._shown - 1) > MAX_DRIFT or abs(self._shown - shown) * passed > SET:
            return True
        # Off by as much as before: it was not set, it runs so.
        self.pace = self._shown
        self._known = None
        return False
