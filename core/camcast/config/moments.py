"""Times of day as a schedule has them: by the clock, "08:00", or by the sun, "sunset - 30 min". Pure."""

from __future__ import annotations

import re
from typing import Any

import attrs

from camcast.config.quantities import read_seconds
from camcast.config.rules import Rule
from camcast.structure import described

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 86400
MOST_OFFSET = 6 * 3600
"""Seconds before or after the sun's event."""
MOMENT_WORDS = 'a time such as "08:00", or "sunrise" or "sunset" with an offset such as "sunset - 30 min"'
_MAX_TEXT = 32
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_BY_SUN = re.compile(r"(sunrise|sunset)(?:\s*([+-])\s*(\S.*))?", re.ASCII)


@attrs.frozen
class Moment:
    """A time of day. `seconds`: since midnight by the clock, or after the event of the `sun`; may be negative then."""

    seconds: int
    sun: str = ""
    """ "sunrise" or "sunset"; "" = by the clock."""


def read_moment(value: Any) -> Moment:
    """Raises `ValueError` that says what was expected."""
    if not isinstance(value, str):
        raise ValueError(f"expected {MOMENT_WORDS}, got {described(value)}")
    text = value.strip()
    if len(text) <= _MAX_TEXT and (clock := _CLOCK.fullmatch(text)):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if minutes > 59 or seconds > 59 or total > DAY:
            raise ValueError(f'expected a time from "00:00" to "24:00", got "{text}"')
        return Moment(total)
    if len(text) <= _MAX_TEXT and (sun := _BY_SUN.fullmatch(text)):
        event, sign, offset = sun.groups()
        seconds = round(read_seconds(offset)) if offset else 0
        if seconds > MOST_OFFSET:
            raise ValueError(f"expected an offset of {MOST_OFFSET // 3600} h at most")
        return Moment(-seconds if sign == "-" else seconds, event)
    raise ValueError(f"expected {MOMENT_WORDS}, got other text")


def _read(value: Any) -> str:
    read_moment(value)
    return str(value).strip()


MOMENT = Rule(
    _read,
    {"type": "string", "pattern": r"^\s*(\d{1,2}:\d{2}(:\d{2})?|(sunrise|sunset)(\s*[+-]\s*\S.*)?)\s*$"},
)
"""Keeps the text as it is written."""


def days_later(start: Moment, stop: Moment) -> int:
    """On which day after the one that it begins on a window ends: 0 or 1.

    By the clock, a stop that is not later than the start is the next day's. The sun rises in the first half of a day
    and sets in the second, so sunset to 06:00 ends on the next day, and 20:00 to sunset on the same.
    """
    if start.sun and stop.sun:
        return int((start.sun, stop.sun) == ("sunset", "sunrise"))
    if start.sun:
        return int(start.sun == "sunset" and stop.seconds < DAY // 2)
    if stop.sun:
        return int(stop.sun == "sunrise" and start.seconds >= DAY // 2)
    return int(stop.seconds <= start.seconds)
