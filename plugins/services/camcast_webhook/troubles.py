"""What is down, since when, and whether that has been told. Pure: snapshots and a clock in, what is to be told out."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from camcast.camera.stats import Stats
from camcast.events import SourceState
from camcast.session.health import Health

Place = tuple[int, int, str]
"""Of an output (camera, stream, output), or of a stream's source (camera, stream, "")."""

SURE = 10.0
"""Seconds for which something must be well until that is told: whoever lets us in and closes again is not."""
START = 30.0
"""Seconds that a source may take to begin."""


@attrs.frozen
class Down:
    """Something that is away."""

    place: Place
    label: str
    why: str
    grace: float = 0.0
    """Seconds that it may be so in any case."""


@attrs.frozen
class Change:
    """What is to be told."""

    place: Place
    label: str
    seconds: float
    """How long it has been, or was, away."""
    why: str
    """Why; "" when it is back."""

    @property
    def what(self) -> str:
        """ "output", or "camera" for a source."""
        return "output" if self.place[2] else "camera"

    @property
    def text(self) -> str:
        """One line."""
        name = f"{self.what.capitalize()} {self.label}"
        if not self.why:
            return f"{name} is well again; it was down for {self.seconds:.0f} s"
        return f"{name} has been down for {self.seconds:.0f} s: {self.why}"


@attrs.define
class _Known:
    down: Down
    since: float
    told: bool = False
    back: float | None = None
    """Since when it is well."""


class Troubles:
    """Of one rule."""

    def __init__(self, after: float, *, well: bool) -> None:
        self._after = after
        self._well = well
        self._known: dict[Place, _Known] = {}

    @property
    def any(self) -> bool:
        """Whether something is away, or was a moment ago: a clock runs."""
        return bool(self._known)

    def look(self, stats: Stats, now: float) -> Iterator[Change]:
        """What is to be told at `now`, in seconds of any steady clock. An output that is gone is not told of again."""
        there = {(one.key.camera_id, one.key.stream_id, one.key.output) for one in stats.sessions}
        there |= {(one.camera_id, one.stream_id, "") for one in stats.streams}
        down = {one.place: one for one in away(stats)}
        for place, one in down.items():
            known = self._known.setdefault(place, _Known(one, now))
            known.down, known.back = one, None
            if not known.told and now - known.since >= max(self._after, one.grace):
                known.told = True
                yield Change(place, one.label, now - known.since, one.why)
        for place in [place for place in self._known if place not in down]:
            known = self._known[place]
            if known.back is None:
                known.back = now
            if place not in there or now - known.back >= SURE:
                del self._known[place]
                if known.told and self._well and place in there:
                    yield Change(place, known.down.label, known.back - known.since, "")


def away(stats: Stats) -> Iterator[Down]:
    """Outputs that are to be on the air and are not, and sources that are lost: their outputs only wait."""
    for one in stats.sessions:
        if one.health is Health.UNHEALTHY:
            place = (one.key.camera_id, one.key.stream_id, one.key.output)
            yield Down(place, one.label, one.last_error or f"it is {one.state.value}")
    for stream in stats.streams:
        place, state = (stream.camera_id, stream.stream_id, ""), stream.state
        if stream.lost:
            yield Down(place, stream.label, stream.last_error or f"its source is {state.value}")
        elif state is SourceState.STARTING:
            yield Down(place, stream.label, "nothing has come from it yet", START)
