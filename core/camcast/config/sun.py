"""When the sun rises and sets somewhere, also where it does neither for months. Pure; by `astral`.

Days are the sun's own there, from the middle of one night to the next. While it does not rise, sunrise and sunset are
both noon, and while it does not set, both are midnight: what they come to as days get shorter, or longer. So "sunset to
sunrise" is the whole polar night, and no part of the polar day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import attrs

_DAY = timedelta(days=1)


@attrs.frozen
class SunTimes:
    """POSIX seconds of one day's events."""

    sunrise: float
    noon: float
    sunset: float

    def of(self, event: str) -> float:
        """By its name, "sunrise" or "sunset"."""
        return self.sunrise if event == "sunrise" else self.sunset


@lru_cache(maxsize=4096)
def sun_times(latitude: float, longitude: float, zone: tzinfo, day: date) -> SunTimes:
    """Those of the day whose noon is nearest to 12:00 of `day` in `zone`. Degrees, north and east positive."""
    from astral import Observer, sun

    observer = Observer(latitude, longitude, 0.0)
    midday = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    # astral counts days by UTC, so the one that is meant may be its neighbour.
    days = [day + step * _DAY for step in (-1, 0, 1)]
    noons = {one: sun.noon(observer, one, tzinfo=UTC) for one in (days[0] - _DAY, *days, days[-1] + _DAY)}
    own = min(days, key=lambda one: abs(noons[one] - midday))
    noon, before, after = noons[own], noons[own - _DAY], noons[own + _DAY]
    first, last = before + (noon - before) / 2, noon + (after - noon) / 2
    # Where it neither rises nor sets: the middle between its highest and its lowest tells which, however near it comes.
    up = sun.elevation(observer, noon) + sun.elevation(observer, first) > 0
    rises = _event(sun.sunrise, observer, days, first, noon) or (first if up else noon)
    sets = _event(sun.sunset, observer, days, noon, last) or (last if up else noon)
    return SunTimes(rises.timestamp(), noon.timestamp(), sets.timestamp())


def _event(event: Any, observer: Any, days: list[date], begin: datetime, end: datetime) -> datetime | None:
    """The one between `begin` and `end`; None = there is none."""
    for day in days:
        try:
            found: datetime = event(observer, day, tzinfo=UTC)
        except ValueError:
            continue  # how astral says that there is none on this day
        if begin <= found <= end:
            return found
    return None
