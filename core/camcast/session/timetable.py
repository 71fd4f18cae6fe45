"""What a session's schedule says at this moment. Pure, with a clock passed in that may be set at any time.

What the calendar says is remembered for as long as it holds, and asked anew where the clock stands before that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

import attrs

from camcast.config import SessionConfig
from camcast.config.calendar import Calendar, Phase
from camcast.config.schedule import Schedule

SEEN = 300 * 86400.0
"""Seconds for which it holds that no change is in sight: the calendar looks 400 days ahead."""
LOOK = 1.0
"""Seconds until the clock is looked at again at the latest, as it may be set."""


@attrs.frozen
class Scheduled:
    """How it stands."""

    off: bool = False
    text: str = ""
    """ "off by its schedule until Mon 2026-12-07 08:00 CET"; "" = there is no schedule."""
    change_at: float | None = None
    """`time.time()` of the next change; None = none within 400 days."""


NONE = Scheduled()


class Timetable:
    """Of one session."""

    def __init__(
        self,
        schedule: Schedule,
        turned: Callable[[Scheduled], object] = lambda scheduled: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`turned` hears of each change, and at first where it is off. `now` gives POSIX seconds."""
        self.any = False
        """Whether there is a schedule."""
        self._turned = turned
        self._now = now
        self._calendar: Calendar | None = None
        self._from, self._until = inf, -inf
        """Between these `_scheduled` holds."""
        self._scheduled = NONE
        self._seen_off = False
        self._follow(schedule)

    def adopt(self, config: SessionConfig) -> None:
        """Go by its schedule from now on."""
        self._follow(config.schedule)
        self.look()

    def _follow(self, schedule: Schedule) -> None:
        self.any = not schedule.always
        self._calendar = Calendar(schedule) if self.any else None
        self._from, self._until, self._scheduled = inf, -inf, NONE

    @property
    def now(self) -> Scheduled:
        """How it stands at this moment."""
        if self._calendar is None:
            return NONE
        now = self._now()
        if not self._from <= now < self._until:
            phase = self._calendar.phase(now)
            self._from, self._until = now, now + SEEN if phase.until is None else phase.until
            self._scheduled = Scheduled(not phase.on, self._text(self._calendar, phase), phase.until)
        return self._scheduled

    def look(self) -> float:
        """Tell where it has gone on or off since the last look; returns seconds until the next one, inf = none."""
        scheduled = self.now
        if scheduled.off is not self._seen_off:
            self._seen_off = scheduled.off
            self._turned(scheduled)
        if self._calendar is None:
            return inf
        at = scheduled.change_at
        return LOOK if at is None else min(LOOK, max(at - self._now(), 0.0))

    def _text(self, calendar: Calendar, phase: Phase) -> str:
        word = "on" if phase.on else "off"
        return f"{word} by its schedule" + (f" until {calendar.shown(phase.until)}" if phase.until is not None else "")
