"""Decides what of a camera's streams a link bears, where they come encoded. Pure: figures and clock are handed in.

The rungs go from everything down to keyframes only. What a rung takes is known, what the link bears only while a queue
stands; and sending less says nothing of whether more would fit. So

    down    a queue stands, or much is lost: at once, to the best rung that fits what the link was found to bear
    up      one rung, after `HOLD` seconds without a queue. What fails within `FAILED` waits twice as long next time.

What a queue is says `observed.py`, as for encoders (`regulator.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from math import inf

import attrs

from camcast.few import Few
from camcast.stream.observed import MAX_BASE, MEASURED, SOON, Observed, Reading
from camcast.stream.regulator import ALIKE, BEHIND, DROPS, EASY, FEW, LATE, LOSSES, LOST, MINUTE, OPENING, SHARE, STANDS

HOLD = 5.0
"""Seconds without a queue before the next rung is tried."""
MAX_HOLD = 160.0
FAILED = 30.0
"""Seconds on a rung before it counts as borne: a link that bears it for less is tried ever more seldom."""
PAUSE = 2.5
"""Seconds from one step down to the next: until it shows in the queue."""
CLIMBS = 6
"""Steps in the last minute with which none goes up: with those that go down from there it is the most of any minute."""
AWAITED = 10.0
"""Seconds in which a step takes effect: most streams have a keyframe by then. After that the next one may be taken."""

CALM = "the link has been without a queue"
OTHER = "other settings"
START = "start"


class Part(Enum):
    """How many of a stream's pictures."""

    ALL = "all pictures"
    NEEDED = "without disposable pictures"
    KEYFRAMES = "keyframes only"


@attrs.frozen
class Rung:
    """One possibility."""

    stream: str = ""
    """Another stream's name; "" = the output's own."""
    part: Part = Part.ALL
    rate: float = attrs.field(default=0.0, eq=False)
    """bit/s of its pictures; 0 = not known."""

    def __str__(self) -> str:
        """ "sub, keyframes only"; "" = everything of its own."""
        return ", ".join(filter(None, (self.stream, "" if self.part is Part.ALL else self.part.value)))


TOP = Rung()


@attrs.frozen
class Step:
    """What was decided."""

    to: Rung
    before: Rung
    reason: str
    bears: float
    """bit/s that the link was just found to bear, picture and sound; 0 = that is not the reason."""


@attrs.define(eq=False)
class Ladder:
    """One session's."""

    beside: int = 0
    """bit/s of sound."""
    at: Rung = attrs.field(default=TOP, init=False)
    """What is to be sent."""
    reason: str = attrs.field(default=START, init=False)
    """Of the last step."""
    _seen: Observed = attrs.field(factory=Observed, init=False)
    _index: int = attrs.field(default=0, init=False)
    _began: float | None = attrs.field(default=None, init=False)
    _moved: float = attrs.field(default=-inf, init=False)
    """When the last step was decided; `_settled`: when it took effect, inf = not yet."""
    _settled: float = attrs.field(default=-inf, init=False)
    _easy_since: float | None = attrs.field(default=None, init=False)
    _lost: float = attrs.field(default=0.0, init=False)
    """Share of what was sent that was lost, where that was why it went down last."""
    _rose: float = attrs.field(default=-inf, init=False)
    """When the last step up took effect."""
    _holds: dict[Rung, float] = attrs.field(factory=dict, init=False)
    """How long what failed waits, where that is more than `HOLD`."""
    _lent: Rung | None = attrs.field(default=None, init=False)
    """What was sent before somebody else's need took it down; None = it is where its link has it."""
    _free_since: float | None = attrs.field(default=None, init=False)
    """Since when there is room for more again."""
    _steps: Few[float] = attrs.field(factory=lambda: Few[float](maxlen=CLIMBS), init=False)
    """When the last ones were decided."""

    @property
    def holds(self) -> Mapping[Rung, float]:
        """Seconds that rungs wait which failed."""
        return self._holds

    def begin(self, trip: float = inf) -> None:
        """Another attempt begins, with everything. What was decided stays, and what was found to fail.

        `trip`: seconds that a round trip takes at the most while nothing waits; inf = nobody knows.
        """
        self._seen.begin(trip)
        self._easy_since = self._began = None
        self._lost = 0.0
        if self.at != TOP:
            self._settled = inf

    def settled(self, now: float) -> None:
        """What was decided last is what is sent from now on."""
        if self._settled == inf:
            self._settled = now
            if self._rose == inf:
                self._rose = now

    def read(self, reading: Reading, rungs: Sequence[Rung], missing: str = OTHER) -> Step | None:
        """Take one reading; what is to change now, if anything. Call it every quarter of a second or so.

        `rungs`: what there is at present, everything of its own first; each takes less than the one before. `missing`:
        why what was decided last is not among them, where it is not.
        """
        seen, now = self._seen, reading.now
        news = seen.add(reading)
        if (step := self.stay(now, rungs, missing)) is not None:
            return step
        if not news:
            return None
        if seen.silent or not seen.steady:
            # A cut says nothing of what the link bears.
            self._easy_since = None
            return None
        if self._began is None:
            self._began = now
            if self.at == TOP:
                # An attempt begins with that, so a step there that was under way is done.
                self.settled(now)
            elif self._settled == inf:
                self._moved = now
        if now - self._began < OPENING * min(seen.base, MAX_BASE):
            return None
        queue, grows, losses = seen.queue, seen.grows, seen.losses
        if queue > LATE or grows or losses > LOSSES or (seen.dropped and queue > EASY):
            self._easy_since = None
            reason = DROPS if seen.dropped else BEHIND if queue > LATE or grows else LOST
            return self._behind(now, rungs, max(queue, grows), reason, SOON if grows else MEASURED)
        if queue > EASY or losses > FEW or seen.dropped:
            self._easy_since = None
            return None
        if self._easy_since is None:
            self._easy_since = now
        return self._easy(now, rungs, self._easy_since)

    def stay(self, now: float, rungs: Sequence[Rung], missing: str = OTHER) -> Step | None:
        """Where what was decided last is not among `rungs` (as in `read`), what is to be sent instead."""
        if self.at not in rungs:
            return self._go(rungs, self._instead(rungs), now, missing)
        self._index = rungs.index(self.at)
        return None

    def lent(self, before: Rung) -> None:
        """The last step was for somebody else's need and not for the link's; `back` undoes it."""
        self._lent = self._lent or before

    def back(self, now: float, rungs: Sequence[Rung], reason: str, reading: Reading | None) -> Step | None:
        """Where such a step is no longer needed, one rung up, after `HOLD` seconds: of a path that tells too seldom for
        `read` to go up by it, or nothing (`reading` None). Call it after `stay` and `read`, with all that is allowed.
        """
        if self._lent in rungs[self._index :] or self.at not in rungs:
            self._lent = None
        if self._lent is None or not self._index or (reading is not None and (self._seen.steady or self._seen.dropped)):
            self._free_since = None
            return None
        if self._free_since is None:
            self._free_since = now
        if now - max(self._free_since, self._settled) < HOLD:
            return None
        if len(self._steps) == CLIMBS and now - self._steps[0] < MINUTE:
            return None
        return self._go(rungs, self._index - 1, now, reason, rose=True)

    def _instead(self, rungs: Sequence[Rung]) -> int:
        """Which of `rungs` takes the place of one that is not among them: the best that takes no more than it did.

        Not the one at its place: where those above it may not be sent either, that is further down than it need be.
        """
        fitting = (index for index, rung in enumerate(rungs) if 0 < rung.rate <= self.at.rate)
        return next(fitting, min(self._index, len(rungs) - 1))

    def _waits(self, now: float) -> bool:
        """Whether the last step has yet to show."""
        if self._settled == inf:
            return now - self._moved < AWAITED
        return now - self._settled < self._seen.over(PAUSE)

    def _behind(self, now: float, rungs: Sequence[Rung], queue: float, reason: str, within: float) -> Step | None:
        seen = self._seen
        # The first look at a link that has become thin still sees some of what it was before.
        bears = min(seen.rates(within)[0], seen.soon[0])
        if self._index == len(rungs) - 1 or self._waits(now) or not bears:
            return None
        before = seen.queue_before
        if now - self._moved < MINUTE and reason is not LOST:
            if seen.goes or queue < before - STANDS / 2:
                return None
            if abs(queue - before) < STANDS and seen.passes and not seen.dropped:
                # It is not we who fill it.
                if now - self._settled >= 2 * seen.over(PAUSE):
                    seen.others()
                return None
        if reason is LOST and self._index and abs(seen.losses - self._lost) < ALIKE * self._lost:
            # Less was sent, and as much of it was lost.
            if now - self._settled >= 2 * seen.over(PAUSE):
                seen.losing()
            return None
        self._lost = seen.losses if reason is LOST else 0.0
        if 0 <= now - self._rose < FAILED:
            self._holds[self.at] = min(2 * self._holds.get(self.at, HOLD), MAX_HOLD)
        self._lent = None
        room = bears * SHARE - self.beside
        fitting = (at for at in range(self._index + 1, len(rungs)) if rungs[at].rate <= room)
        to = next(fitting, len(rungs) - 1)
        return self._go(rungs, to, now, reason, bears=bears)

    def _easy(self, now: float, rungs: Sequence[Rung], since: float) -> Step | None:
        if now - self._rose >= FAILED:
            # Where this is borne, all that takes less is, too.
            for rung in rungs[self._index :]:
                self._holds.pop(rung, None)
        if not self._index or self._settled == inf:
            return None
        if len(self._steps) == CLIMBS and now - self._steps[0] < MINUTE:
            return None
        up = self._index - 1
        if now - max(since, self._settled) < self._holds.get(rungs[up], HOLD):
            return None
        return self._go(rungs, up, now, CALM, rose=True)

    def _go(
        self, rungs: Sequence[Rung], index: int, now: float, reason: str, *, rose: bool = False, bears: float = 0.0
    ) -> Step:
        before, self.at, self._index = self.at, rungs[index], index
        self._steps.append(now)
        self.reason, self._moved, self._settled = reason, now, inf
        self._rose = inf if rose else -inf
        return Step(self.at, before, reason, bears)
