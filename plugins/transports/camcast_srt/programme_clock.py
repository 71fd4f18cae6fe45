"""The clock of a programme (PCR): real time, tied to the media by those units that come earliest. Pure.

A unit that comes late finds that much less of the lead before it is due; the clock does not wait for it, as decoders
want it even. It gives way when all units of `WINDOW` seconds were late: a source that stood still, or whose clock is
slower than ours. It never goes back, and it stops below what could still be due.
"""

from __future__ import annotations

CLOCK = 90_000
"""Ticks per second of PTS, DTS and the base of PCR."""
WINDOW = 2.0
GIVE_WAY = CLOCK // 50
"""Ticks by which all must have been late."""
MARGIN = CLOCK // 50
"""The clock stays at least this much below every decode time."""


class ProgrammeClock:
    """Times of media are ticks of `CLOCK` on the media's own timeline; `now` is seconds of any one clock."""

    def __init__(self, lead: int) -> None:
        self.lead = lead
        """Ticks that decode times are later than the media's own."""
        self.last: int | None = None
        """The value that was sent last."""
        self._anchor = 0.0
        """What is added to real time."""
        self._reached = 0
        self._window_began = 0.0
        self._least_late: float | None = None

    def media(self, reached: int, now: float) -> int:
        """Media has come as far as `reached`; what the clock says then."""
        late = self._real(now) - reached
        if self.last is None or late < 0:
            self._anchor -= late
            late = 0.0
        self._reached = reached
        self._least_late = late if self._least_late is None else min(late, self._least_late)
        if now - self._window_began >= WINDOW:
            if self._least_late > GIVE_WAY:
                self._anchor -= self._least_late
            self._window_began, self._least_late = now, None
        return self.at(now)

    def at(self, now: float) -> int:
        """What the clock says; never less than what was sent."""
        value = min(int(self._real(now)), self._reached + self.lead - MARGIN)
        return value if self.last is None else max(value, self.last)

    def due(self, dts: int, clock: int) -> int:
        """When a unit is decoded, in the stream. One that comes too late by the lead is decoded as soon as can be."""
        return max(dts + self.lead, clock + MARGIN)

    def spare(self, dts: int, clock: int) -> int:
        """Ticks for which a unit may wait before it would be decoded later for it."""
        return dts + self.lead - clock - MARGIN

    def _real(self, now: float) -> float:
        return self._anchor + now * CLOCK
