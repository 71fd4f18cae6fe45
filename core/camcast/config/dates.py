"""Days that an exception of a schedule is for: a date, several in a row, or a day of each year. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import attrs

MOST_DAYS = 400
"""Of one exception."""
DATE = r"\d{4}-\d{2}-\d{2}"
_WHEN = re.compile(rf"(?P<first>{DATE})(?:\s+to\s+(?P<last>{DATE}))?|(?P<month>\d{{2}})-(?P<day>\d{{2}})", re.ASCII)
_WHEN_WORDS = 'a date such as "2026-12-24", "2026-12-24 to 2027-01-06", or "12-25" for each year'


@attrs.frozen
class When:
    """Which days an exception is for: from `first` to `last`, or a month and a day of each year."""

    first: date | None = None
    last: date | None = None
    yearly: tuple[int, int] | None = None

    @property
    def days(self) -> Iterator[date]:
        """Those between; none of what comes each year."""
        if self.first is not None and self.last is not None:
            for step in range((self.last - self.first).days + 1):
                yield self.first + timedelta(days=step)


def read_when(text: str) -> When:
    """Raises `ValueError`."""
    match = _WHEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"expected {_WHEN_WORDS}")
    try:
        if match["month"]:
            leap = date(2024, int(match["month"]), int(match["day"]))
            return When(yearly=(leap.month, leap.day))
        first = date.fromisoformat(match["first"])
        last = date.fromisoformat(match["last"]) if match["last"] else first
    except ValueError:
        raise ValueError(f"there is no such day; expected {_WHEN_WORDS}") from None
    if not 0 <= (last - first).days < MOST_DAYS:
        raise ValueError(f"expected the first day before the last, and {MOST_DAYS} days at most")
    return When(first, last)
