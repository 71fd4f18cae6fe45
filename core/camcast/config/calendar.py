"""What a schedule comes to: whether an output is on at a time, and when that changes. Pure; times in POSIX seconds.

* A window is on from the first moment at which the clock on the wall shows its start, or something later, until the
  last at which it shows something before its stop. So of an hour that comes twice it has both, one within an hour
  that is left out does not take place, and of one that begins or ends in such an hour the rest does.
* A window belongs to the day that it begins on, and may go on into the next one.
* An exception decides its whole day, from midnight to midnight: nothing of the evening before goes on in it. Its own
  windows may go on into the next day. One for a day precedes one for several, and that one for each year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import attrs

from camcast.config.dates import read_when
from camcast.config.moments import DAYS, Moment
from camcast.config.sun import sun_times

if TYPE_CHECKING:
    from camcast.config.schedule import Schedule, Times

_DAY = timedelta(days=1)
_JUST_BEFORE = timedelta(microseconds=1)
REACH = 3
"""Days by which a window may begin before the day that it belongs to, or end after it, at most: by the sun."""
LOOKS = (8, 30, 90, 400)
"""Days ahead in which the next change is looked for, one after the other."""


@attrs.frozen
class Phase:
    """Whether it is on at a time, and until when. None = for as far as can be seen: 400 days."""

    on: bool
    until: float | None


class Calendar:
    """Of one schedule."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._zone = ZoneInfo(schedule.timezone or "UTC")
        self._days: dict[date, str | tuple[Times, ...]] = {}
        self._yearly: dict[tuple[int, int], str | tuple[Times, ...]] = {}
        named = [(read_when(key), content) for key, content in schedule.exceptions.items()]
        for when, content in sorted(named, key=lambda one: one[0].first == one[0].last):
            self._days |= dict.fromkeys(when.days, content)
            if when.yearly is not None:
                self._yearly[when.yearly] = content

    def is_on(self, at: float) -> bool:
        """Whether it is on the air at this time."""
        return self.phase(at).on

    def next_change(self, at: float) -> float | None:
        """When it goes on or off next after `at`; None = not within 400 days."""
        return self.phase(at).until

    def phase(self, at: float) -> Phase:
        """Both at once."""
        if self._schedule.always:
            return Phase(on=True, until=None)
        today = datetime.fromtimestamp(at, self._zone).date()
        on = False
        for ahead in LOOKS:
            spans = self._merged(today - REACH * _DAY, today + ahead * _DAY)
            on = any(start <= at < stop for start, stop in spans)
            until = next((edge for span in spans for edge in span if edge > at), None)
            if until is not None and until < self._midnight(today + (ahead - REACH) * _DAY):
                return Phase(on, until)
        return Phase(on, None)

    def shown(self, at: float) -> str:
        """A time as its people read it: "Mon 2026-12-07 08:00 CET"."""
        local = datetime.fromtimestamp(at, self._zone)
        seconds = ":%S" if local.second else ""
        return f"{DAYS[local.weekday()].capitalize()} {local:%Y-%m-%d %H:%M{seconds} %Z}"

    def ever_on(self, window: Times, days: Iterable[date]) -> bool:
        """Whether a window takes place if it begins on one of these days."""
        return any(self._span(window, day) is not None for day in days)

    # --- days ---------------------------------------------------------------------------------------------

    def _exception(self, day: date) -> str | tuple[Times, ...] | None:
        found = self._days.get(day)
        return self._yearly.get((day.month, day.day)) if found is None else found

    def _weekly(self, day: date) -> str | tuple[Times, ...]:
        windows = self._schedule.windows
        return "on" if windows is None else tuple(one for one in windows if DAYS[day.weekday()] in one.days)

    def _of_day(self, day: date) -> Iterator[tuple[float, float]]:
        """What begins on a day, whatever others cut off."""
        content = self._exception(day)
        windows = self._weekly(day) if content is None else content
        if windows == "on":
            yield self._midnight(day), self._midnight(day + _DAY)
        elif not isinstance(windows, str):
            for window in windows:
                span = self._span(window, day)
                if span is not None:
                    yield span

    def _merged(self, first: date, last: date) -> list[tuple[float, float]]:
        """All times on the air of what begins from `first` to `last`, in order, none touching another."""
        found: list[tuple[float, float]] = []
        for step in range((last - first).days + 1):
            day = first + step * _DAY
            for span in self._of_day(day):
                found += self._cut(span, day)
        merged: list[tuple[float, float]] = []
        for start, stop in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged

    def _cut(self, span: tuple[float, float], own: date) -> Iterator[tuple[float, float]]:
        """What is left of a span of the day `own` beside the other days' exceptions."""
        start, stop = span
        if self._days or self._yearly:
            for step in range(-REACH, REACH + 1):
                day = own + step * _DAY
                if not step or self._exception(day) is None:
                    continue
                begin, end = self._midnight(day), self._midnight(day + _DAY)
                if start < end and begin < stop:
                    if start < begin:
                        yield start, begin
                    start = end
        if start < stop:
            yield start, stop

    # --- moments ------------------------------------------------------------------------------------------

    def _span(self, window: Times, day: date) -> tuple[float, float] | None:
        """When a window is on that begins on this day; None = not at all."""
        begin, end = window.moments
        later = day + window.later * _DAY
        start = self._by_sun(begin, day) if begin.sun else self._first(_wall(begin, day))
        stop = self._by_sun(end, later) if end.sun else self._last(_wall(end, later))
        return (start, stop) if start < stop else None

    def _by_sun(self, moment: Moment, day: date) -> float:
        latitude, longitude = self._schedule.latitude or 0.0, self._schedule.longitude or 0.0
        return sun_times(latitude, longitude, self._zone, day).of(moment.sun) + moment.seconds

    def _midnight(self, day: date) -> float:
        return self._first(datetime(day.year, day.month, day.day))

    def _first(self, wall: datetime) -> float:
        """The first time at which the clock on the wall shows `wall`; where it leaves that out, when it does."""
        early = wall.replace(tzinfo=self._zone)
        at = early.timestamp()
        if datetime.fromtimestamp(at, self._zone).replace(tzinfo=None) == wall:
            return at
        return self._jump(wall.replace(tzinfo=self._zone, fold=1).timestamp(), at)

    def _last(self, wall: datetime) -> float:
        """The last time at which the clock on the wall is about to show `wall`, coming from before."""
        first = self._first(wall)
        second = wall.replace(tzinfo=self._zone, fold=1).timestamp()
        # The hour that comes twice begins with its first moment, before which nothing comes twice.
        before = wall - _JUST_BEFORE
        twice = before.replace(tzinfo=self._zone, fold=1).timestamp() > self._first(before)
        return second if second > first and twice else first

    def _jump(self, low: float, high: float) -> float:
        """When between two times the clock is put forward: whole seconds."""
        offset = datetime.fromtimestamp(low, self._zone).utcoffset()
        begin, end = int(low), int(high)
        while end - begin > 1:
            middle = (begin + end) // 2
            if datetime.fromtimestamp(middle, self._zone).utcoffset() == offset:
                begin = middle
            else:
                end = middle
        return float(end)


def _wall(moment: Moment, day: date) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(seconds=moment.seconds)
