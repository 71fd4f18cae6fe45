"""When a server that is busy wants to be asked again (Retry-After, RFC 9110 §10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 600.0
"""Seconds. A server that asks for more is asked anyway: it may have meant something else, and cameras wait."""


def retry_after(value: str, now: str = "") -> float | None:
    """Seconds to wait by the header's value, None = it says nothing. `now` is the answer's Date: clocks differ."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(MOST, float(value[:9]))
    then = _date(value)
    if then is None:
        return None
    return min(MOST, max(0.0, (then - (_date(now) or datetime.now(UTC))).total_seconds()))


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value[:64])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
