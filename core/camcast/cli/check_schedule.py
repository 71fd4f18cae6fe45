"""`camcast check`: when a schedule has an output on the air, and how long a platform lets it be there."""

from __future__ import annotations

from collections.abc import Iterator

from camcast.config import SessionConfig
from camcast.config.calendar import Calendar
from camcast.host import PluginHost

HOUR = 3600.0


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


def rotation_lines(session: SessionConfig, host: PluginHost) -> Iterator[str]:
    """What a platform's longest stream means for `rotate_every`: a line for each platform of the chain."""
    found = (host.platforms.of(target.url, target.server) for target in session.targets)
    for platform in {one.name: one for one in found if one is not None}.values():
        most = platform.hours_most or platform.hours_archived
        if most is None or (session.rotate_every is not None and session.rotate_every <= most.value * HOUR):
            continue
        what = "ends a stream after" if platform.hours_most is not None else "records streams of up to"
        given = "" if session.rotate_every is None else f", and rotate_every is {session.rotate_every / HOUR:g} h"
        before = max(most.value - 1, most.value / 2)
        advice = f'"rotate_every": "{before:g}h" begins a new one in time, with no picture missing'
        yield f"{platform.title} {what} {most.value:g} h{given}: {advice}"
