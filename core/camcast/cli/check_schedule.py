"""`camcast check`: when a schedule has an output on the air, as the plan tells it."""

from __future__ import annotations

from collections.abc import Iterator

from camcast.config import SessionConfig
from camcast.config.calendar import Calendar


def schedule_lines(session: SessionConfig, now: float) -> Iterator[str]:
    """Whether it is on now, and its next start and stop, in a line; none without a schedule. `now` in POSIX seconds."""
    if session.schedule.always:
        return
    calendar = Calendar(session.schedule)
    first = calendar.phase(now)
    word, turn, then = ("on now", "stops", "starts") if first.on else ("off now", "starts", "stops")
    if first.until is None:
        yield f"by its schedule {word}, with no change in the next 400 days"
        return
    line = f"by its schedule {word}; {turn} {calendar.shown(first.until)}"
    after = calendar.next_change(first.until)
    yield line + (f", {then} {calendar.shown(after)}" if after is not None else "")
