"""What all outputs of one link may send together: a limit, or less where the link bears less. Pure.

What the link bears is found as for one output (`regulator.py`), by what all of them tell of their paths, taken as one:
bytes are added up, and a queue counts only where everything is late. What one server makes late by itself is that
output's own matter; what all of them wait for is the link's, and then no single output is to draw conclusions from it.

A connection that begins while the link is full has never seen it empty, so it takes the queue for its own distance.
What an earlier one of the same output knew holds for it too, for `FRESH` seconds: it may lead elsewhere. Where there
was none and others agree that the link is late, it says nothing until they are not, or for as long.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from math import inf
from typing import Generic, TypeVar

import attrs

from camcast.stream.observed import Reading
from camcast.stream.regulator import EASY, USED, Change, Regulator

K = TypeVar("K", bound=Hashable)

NEARLY = 1.25
"""What the outputs want in all is known by measuring. Within so much of it, it is the same."""
ROOM = 1.2
"""Above what they want in all, what must be there for all of them to get it: `HEADROOM` and `MARGIN`."""
TRIP = 0.02
"""Seconds that an acknowledgement takes, of a link whose outputs are all as early as they ever were."""
FRESH = 10.0
"""Seconds in which a queue of ours has gone; what stands for longer is the way's own length, or several servers'."""
KEPT = 1024
"""Outputs of which it is kept how early they could be, when they left."""
AGREE = 2
"""Outputs that must be late for that: one alone may have a server that is."""


@attrs.define(eq=False)
class _Path:
    """One output's."""

    shortest: float = inf
    before: float = inf
    """What that was in an earlier connection; inf = there was none, or this one knows better."""
    given: int = 0
    acked: int = 0
    drops: int = 0
    late: float = 0.0
    fresh: bool = True
    """Whether it has begun since the last look, or in a queue that still stands."""
    begun: float = 0.0

    def add(self, reading: Reading) -> tuple[int, int, int]:
        """Bytes handed over and acknowledged since the last one, and pictures that were left out."""
        begins = reading.given < self.given or reading.acked < self.acked
        if begins:
            # Another attempt, over another path perhaps.
            self.given, self.acked, self.drops = reading.given, reading.acked, reading.drops
            self.fresh, self.begun = True, reading.now
            self.before = min(self.before, self.shortest)
        more = reading.given - self.given, reading.acked - self.acked, max(0, reading.drops - self.drops)
        self.given, self.acked, self.drops = reading.given, reading.acked, reading.drops
        self.shortest = reading.trip if self.fresh else min(self.shortest, reading.trip)
        # What waits for the peer's next report is not late.
        late = max(reading.trip, 0.0 if reading.report else reading.waiting)
        self.late = late - min(self.shortest, self.before)
        return more

    @property
    def knows(self) -> bool:
        """Whether it knows how early it can be."""
        return not self.fresh or self.before < inf

    def age(self, now: float, late: float) -> None:
        """Everything is `late` seconds late `now`: once that is nothing, or has been for long, it knows by itself."""
        self.fresh = self.fresh and late > EASY and now - self.begun < FRESH
        if not self.fresh:
            self.before = inf


@attrs.define(eq=False)
class Budget(Generic[K]):
    """Of one link. `limit`: bit/s; 0 = as much as it bears."""

    limit: int = 0
    _regulator: Regulator | None = attrs.field(default=None, init=False)
    _wanted: float = attrs.field(default=0.0, init=False)
    """bit/s by all outputs, rounded up."""
    _paths: dict[K, _Path] = attrs.field(factory=dict, init=False)
    _left: dict[K, float] = attrs.field(factory=dict, init=False)
    """How early those could be that have left, oldest first."""
    _given: int = attrs.field(default=0, init=False)
    _acked: int = attrs.field(default=0, init=False)
    _drops: int = attrs.field(default=0, init=False)

    @property
    def now(self) -> int:
        """bit/s; 0 = nobody wants anything yet."""
        return self._regulator.target if self._regulator is not None else self.limit

    @property
    def reason(self) -> str:
        """Of the last change."""
        return self._regulator.reason if self._regulator is not None else ""

    @property
    def late(self) -> bool:
        """Whether everything that goes over the link is late, so that it says nothing of a single path."""
        return len(self._paths) > 1 and self._late > EASY

    def want(self, least: float, most: float, *, in_steps: bool) -> None:
        """What all outputs take at least and at most, bit/s, and whether one waits for a step that does not fit yet."""
        if not most:
            return
        if not self._wanted / ROOM / NEARLY <= most <= self._wanted / ROOM:
            self._wanted = most * ROOM * NEARLY**0.5
        top = self.limit or max(1, int(self._wanted))
        bottom = max(1, min(int(least), top))
        if self._regulator is None:
            self._regulator = Regulator(bottom, top)
            self._regulator.begin()
        # A step that does not fit cannot be filled beforehand.
        self._regulator.used = 0.0 if in_steps else USED
        grown = not self._regulator.bears and top > self._regulator.most
        self._regulator.limit(bottom, top)
        if grown:
            # Nothing is known against it.
            self._regulator.target = top

    def read(self, now: float, readings: Mapping[K, Reading]) -> Change | None:
        """What has become known since the last look; what is to change now, if anything."""
        self._keep(readings)
        if self._regulator is None or not readings:
            return None
        left_out = 0
        for key, reading in readings.items():
            path = self._paths.get(key)
            if path is None:
                before = self._left.pop(key, inf)
                path = self._paths[key] = _Path(inf, before, reading.given, reading.acked, reading.drops, begun=now)
            given, acked, drops = path.add(reading)
            self._given, self._acked, left_out = self._given + given, self._acked + acked, left_out + drops
        late = self._late
        for path in self._paths.values():
            path.age(now, late)
        if late > EASY:
            # Otherwise one path's own trouble.
            self._drops += left_out
        waiting = min(reading.waiting for reading in readings.values())
        return self._regulator.read(Reading(now, self._given, self._acked, TRIP + late, waiting, self._drops))

    @property
    def _late(self) -> float:
        """Seconds that everything is late, by those that know how early it can be."""
        known = [path.late for path in self._paths.values() if path.knows]
        if len(known) < AGREE:
            known = [path.late for path in self._paths.values()]
        return min(known, default=0.0)

    def _keep(self, keys: Iterable[K]) -> None:
        for key in set(self._paths) - set(keys):
            path = self._paths.pop(key)
            self._left.pop(key, None)
            self._left[key] = min(path.shortest, path.before)
            if len(self._left) > KEPT:
                del self._left[next(iter(self._left))]
