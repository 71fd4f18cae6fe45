"""Decides which bitrate a path bears. Pure: figures and clock are handed in, a target comes out.

    down    a queue stands, or much is lost: to what the path bears, less what it takes for the queue to go. Once; again
            only if it does not go.
    back    the queue is gone: to `SHARE` of what the path was found to bear.
    up      no queue, and the encoder really sends what it may: a step. Past what failed before only after a wait, which
            doubles with each failure; every success makes the next step larger.

Each of them is one change, at most `CHANGES` of them in any minute. What a queue is says `observed.py`.
"""

from __future__ import annotations

from collections import deque
from math import inf

import attrs

from camcast.stream.observed import MAX_BASE, MEASURED, SHORT, SOON, THROUGH, Observed, Reading

LOOK = 0.25
"""Seconds between two readings, about. Fewer make everything slower, more are of no use."""
REST = 1.0
"""… while the target is the highest, the path bears far more, and nothing has waited for longer than `SHORT` when it
was last looked for a stall: so it is in a local network. More would leave nothing to compare a new reading with."""
LATE = 0.25
"""Seconds of a queue that are one. A keyframe makes less of it, as the least of `RECENT` counts."""
EASY = 0.12
"""Seconds of a queue that are none."""
LOSSES = 0.1
"""Share of what is sent that tells as much as a queue when it is lost (draft-ietf-rmcat-gcc-02, section 6)."""
FEW = 0.05
"""Share of it with which nothing goes up: more than a radio loses by itself."""
ALIKE = 0.3
"""Two shares of losses that differ by less are one: then it is not for want of room."""
SHARE = 0.9
"""Of what a path was found to bear, what is asked of an encoder: it meets its rate on average only."""
LEAST = 0.5
"""Of it, what is asked for at the least while a queue is to go."""
DRAIN = 2.5
"""Seconds in which a queue is to be gone."""
PAUSE = 1.5
"""Seconds from one step down to the next: until the encoder has followed and that shows."""
CALM = 1.5
"""Seconds without a queue before it goes back to what the path bears."""
STEP_WAIT = 2.5
"""Seconds without a queue from one step up to the next."""
STEP = 1.15
"""The first step up, and the most it grows to: a path that has borne three steps may bear far more."""
MAX_STEP = 1.6
GROWTH = 2.0
"""What a success makes of the next step: 15, 30, 60 %."""
PROBE_WAIT = 5.0
"""Seconds before what failed is tried again; doubled with each failure, at most `MAX_PROBE_WAIT`."""
MAX_PROBE_WAIT = 120.0
SAME = 0.2
"""Two measurements of what a path bears that differ by less are one."""
USED = 0.6
"""Of the target, what must usually be sent for a step up: a still picture says nothing of the path."""
CUT_SHARE = 0.8
"""Of what was sent before a cut, what the path is taken to bear after it."""
OPENING = 6.0
"""Round trips in which a connection's window opens: what waits meanwhile says nothing of the path."""
CHANGES = 24
"""In any minute, at most; and of them so many that steps up find left for steps down."""
KEPT = 6
STANDS = 0.1
"""Seconds by which a queue changes that neither grows nor goes."""
MINUTE = 60.0
SMALL = 0.03
"""Of the target: a smaller change is none."""

NEW = "start"
BEHIND = "a queue on the way"
DROPS = "pictures were dropped"
LOST = "packets are lost"
GONE = "nothing is acknowledged"
BACK = "the queue is gone"
PROBE = "the path has room"
LIMITS = "other limits"


@attrs.frozen
class Change:
    """What was decided."""

    target: int
    """bit/s for the picture."""
    reason: str
    bears: float
    """bit/s that the path was found to bear, picture and sound; 0 = not known."""


@attrs.define(eq=False)
class Regulator:
    """One session's. `least` and `most` bound the target, bit/s for the picture; `beside`: bit/s of sound."""

    least: int
    most: int
    beside: int = 0
    used: float = USED
    """Of the target, what must really be sent for a step up."""
    target: int = attrs.field(init=False)
    reason: str = attrs.field(default=NEW, init=False)
    """Of the last change."""
    bears: float = attrs.field(default=0.0, init=False)
    """bit/s in all, found when a queue stood last; 0 = not known, or no longer true."""
    _seen: Observed = attrs.field(factory=Observed, init=False)
    _began: float | None = attrs.field(default=None, init=False)
    """When this attempt was read first."""
    _step: float = attrs.field(default=STEP, init=False)
    _wait: float = attrs.field(default=PROBE_WAIT, init=False)
    _failed_at: float = attrs.field(default=-inf, init=False)
    _changed: float = attrs.field(default=-inf, init=False)
    _lowered: float = attrs.field(default=-inf, init=False)
    _easy_since: float | None = attrs.field(default=None, init=False)
    _before: int = attrs.field(init=False)
    """The target when there was no queue last."""
    _cut: bool = attrs.field(default=False, init=False)
    _rests: bool = attrs.field(default=False, init=False)
    _lost: float = attrs.field(default=0.0, init=False)
    """Share of what was sent that was lost, where that was why the target fell last."""
    _changes: deque[float] = attrs.field(factory=lambda: deque[float](maxlen=CHANGES), init=False)

    def __attrs_post_init__(self) -> None:
        self.target = self._before = self.most

    def pause(self, waited: float) -> float:
        """Seconds from one reading to the next, where something has just waited for so many."""
        return REST if self._rests and waited <= SHORT else LOOK

    # --- what it is told ------------------------------------------------------------------------------------

    def begin(self, trip: float = inf) -> None:
        """Another attempt begins, over another path perhaps. The target stays, and what was found to fail.

        `trip`: seconds that a round trip takes at the most while nothing waits; inf = nobody knows.
        """
        self._seen.begin(trip)
        self._easy_since, self._cut, self._began, self._lost = None, False, None, 0.0

    def limit(self, least: int, most: int) -> Change | None:
        """Other bounds from now on, in bit/s."""
        self.least, self.most = least, most
        bounded = min(max(self.target, least), most)
        if bounded == self.target:
            return None
        self.target, self.reason = bounded, LIMITS
        return Change(bounded, LIMITS, self.bears)

    def read(self, reading: Reading) -> Change | None:
        """Take one reading; what is to change now, if anything. Call it every `pause` seconds or so."""
        seen, now = self._seen, reading.now
        if not seen.add(reading):
            return None
        self._rests = False
        if self.target == self.most and self._easy_since is not None and seen.calm and not self._cut:
            # Nearly always so, and what follows would find the same.
            self._before, self._rests = self.target, seen.wide
            return None
        if seen.silent:
            return self._away(now)
        if not seen.steady:
            return None
        self._cut = False
        if self._began is None:
            self._began = now
        if now - self._began < OPENING * min(seen.base, MAX_BASE):
            return None
        self._learn()
        queue, grows, losses = seen.queue, seen.grows, seen.losses
        if queue > LATE or grows or losses > LOSSES or (seen.dropped and queue > EASY):
            self._easy_since = None
            reason = DROPS if seen.dropped else BEHIND if queue > LATE or grows else LOST
            return self._behind(now, max(queue, grows), reason, SOON if grows else MEASURED)
        if queue > EASY or losses > FEW or seen.dropped:
            # Pictures are left out up to a keyframe also when the queue has long gone; the path idles meanwhile.
            self._easy_since = None
            return None
        self._before = self.target
        if self._easy_since is None:
            self._easy_since = now
        return self._easy(now, max(self._easy_since, self._changed))

    # --- what it makes of that ------------------------------------------------------------------------------

    def _away(self, now: float) -> Change | None:
        """A cut says nothing of what the path bears, but what comes after it is often thin."""
        self._easy_since = None
        if self._cut:
            return None
        self._cut = True
        self.bears, self._failed_at = CUT_SHARE * (self._before + self.beside), now
        return self._lower(now, self.target // 2, GONE)

    def _learn(self) -> None:
        """A queue that goes says what the path bears as well, and may say more than when it began.

        So a path that only hesitated is not taken for a thin one for long.
        """
        soon, handed = self._seen.soon
        if self.bears and self._easy_since is None and soon > handed:
            self.bears = max(self.bears, soon)

    def _behind(self, now: float, queue: float, reason: str, within: float) -> Change | None:
        seen, lowered = self._seen, now - self._lowered
        bears, _ = seen.rates(within)
        soon, handed = seen.soon
        if not bears:
            return None
        before, goes, pause = seen.queue_before, seen.goes, seen.over(PAUSE)
        # The first look at a path that has become thinner still saw some of what it was before.
        thinner = lowered >= seen.over(SOON) and not goes and soon <= min((1 - SAME) * self.bears, THROUGH * handed)
        if lowered < pause and not thinner:
            return None
        if (goes or queue < before - STANDS / 2) and (reason is BEHIND or lowered < 2 * pause) and reason is not LOST:
            return None
        if reason is BEHIND and abs(queue - before) < STANDS and lowered < MINUTE and seen.passes:
            if lowered >= 2 * pause:
                seen.others()
            return None
        if reason is LOST and self.target > self.least and abs(seen.losses - self._lost) < ALIKE * self._lost:
            # Less was sent, and as much of it was lost.
            if lowered >= 2 * pause:
                seen.losing()
            return None
        self._lost = seen.losses if reason is LOST else 0.0
        self._remember(now, bears)
        share = max(LEAST, SHARE - queue / DRAIN)
        return self._lower(now, int(bears * share) - self.beside, reason)

    def _remember(self, now: float, bears: float) -> None:
        """What the path bears was found out. Where that is news it may soon be other news."""
        if not self.bears or abs(bears - self.bears) >= SAME * self.bears:
            self._wait = PROBE_WAIT
        elif self.reason is PROBE:
            self._wait = min(self._wait * 2, MAX_PROBE_WAIT)
        self.bears, self._failed_at, self._step = bears, now, STEP

    def _easy(self, now: float, since: float) -> Change | None:
        fits = int(self.bears * SHARE) - self.beside
        if self.bears and self.target < fits * (1 - SMALL):
            return self._raise(now, fits, BACK) if now - since >= self._seen.over(CALM) else None
        if now - since < self._seen.over(STEP_WAIT) or self.target >= self.most:
            return None
        if self.bears:
            # At what is known to fit: beyond it lies what failed.
            if now - self._failed_at < self._wait:
                return None
            if self.target + self.beside > self.bears * (1 + SAME):
                self.bears = 0.0
        _, given = self._seen.rates()
        if given < self.used * (self.target + self.beside):
            return None
        change = self._raise(now, int(self.target * self._step), PROBE)
        if change is not None:
            self._step = min(MAX_STEP, 1 + (self._step - 1) * GROWTH)
        return change

    def _lower(self, now: float, target: int, reason: str) -> Change | None:
        if self._spent(now) >= CHANGES - 1:
            target = self.least
        self._lowered = now
        return self._set(now, min(target, self.target), reason)

    def _raise(self, now: float, target: int, reason: str) -> Change | None:
        if self._spent(now) >= CHANGES - KEPT:
            return None
        return self._set(now, max(target, self.target), reason)

    def _set(self, now: float, target: int, reason: str) -> Change | None:
        target = min(max(target, self.least), self.most)
        small = abs(target - self.target) < SMALL * self.target and target not in (self.least, self.most)
        if target == self.target or small or self._spent(now) >= CHANGES:
            return None
        self.target, self.reason, self._changed = target, reason, now
        self._changes.append(now)
        return Change(target, reason, self.bears)

    def _spent(self, now: float) -> int:
        """Changes of the last minute."""
        return sum(now - at < MINUTE for at in self._changes)
