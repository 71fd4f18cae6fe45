"""Divides one link's budget among the outputs that send over it. Pure: figures and clock are handed in.

Each output claims what it takes at least and at most, and weighs as much as it is important. One level fits all: an
output gets level times weight, at least its least, at most its most. So the less important are the first to get less,
and nobody goes below his least while the others could. Where even the least of all is too much, it is cut by the same
rule: the budget is never exceeded by what is given.

    steps   what comes encoded can be sent in so many ways only. It gets the largest that fits its part; what that
            leaves goes to the others, and what nobody takes lifts the most important that it can.
    up      after `HOLD` seconds in which it would have got more. Down is at once.
    calm    nobody is changed more than `CHANGES` times in a minute, as long as the budget has the least of all: after
            `CLIMBS` changes one gets no more, nor do those who are less important, and what would be the last change
            takes one down to the least at once.
    excess  what was sent above the budget (a replay, a burst of keyframes) is taken from the next seconds of those
            that take any rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import attrs

from camcast.config.uplink import HEADROOM as HEADROOM

K = TypeVar("K", bound=Hashable)

HOLD = 2.0
"""Seconds in which more would have been given before it is."""
MINUTE = 60.0
CLIMBS = 24
"""Changes of an output in the last minute with which it gets no more. A budget that has to be found is tried some five
times a minute, each of which is up to four changes."""
CHANGES = 30
"""The most in any minute. Whose budget swings faster is better off with his least than with a picture that never stands
still."""
SMALL = 0.03
"""Of a share: a smaller change is none. With `HEADROOM` it stays below the budget all the same."""
MARGIN = 1.1
"""By how much a step that is to be gone up must fit: rates of cameras are never the same from second to second."""
REPAID = 2.0
"""Seconds in which an excess is made good."""
AT_ONCE = 0.25
"""Of the budget, what is held back for that at the most: who is important is not to pay for others' beginnings."""
UNUSED = 3.0
"""Seconds of the budget that may be left over before a burst and count against it: a keyframe is no excess, it follows
pictures that took less."""
MOST_EXCESS = 2.0
"""Seconds of the budget that are remembered as such, at most."""


@attrs.frozen
class Claim:
    """One output's. All in bit/s, with sound."""

    weight: int
    least: float
    most: float
    steps: tuple[float, ...] = ()
    """The only rates that it can send at, ascending; () = any from `least` to `most`. The first is had in any case."""
    names: tuple[str, ...] = ()
    """Of the steps, by which they are known again when others come and go; () = they are known by number and rate."""


def shares(budget: float, claims: Mapping[K, Claim]) -> dict[K, float]:
    """What each gets: `budget` in all, or what they want where that is less. Steps are not looked at."""
    bounds = {key: (max(0.0, one.least), max(0.0, one.least, one.most)) for key, one in claims.items()}
    if sum(least for least, _ in bounds.values()) > budget:
        bounds = {key: (0.0, least) for key, (least, _) in bounds.items()}
    weights = {key: max(1, one.weight) for key, one in claims.items()}
    level = _level(budget, bounds, weights)
    return {key: min(max(level * weights[key], least), most) for key, (least, most) in bounds.items()}


def _level(budget: float, bounds: Mapping[K, tuple[float, float]], weights: Mapping[K, int]) -> float:
    """What a weight of one gets, where it is bounded by nothing."""
    spent = sum(least for least, _ in bounds.values())
    turns = sorted(
        [(least / weights[key], weights[key]) for key, (least, _) in bounds.items()]
        + [(most / weights[key], -weights[key]) for key, (_, most) in bounds.items()]
    )
    level, growing = 0.0, 0
    for turn, weight in turns:
        if growing and spent + (turn - level) * growing > budget:
            return level + max(0.0, budget - spent) / growing
        spent += (turn - level) * growing
        level, growing = turn, growing + weight
    return level


def stepped(budget: float, claims: Mapping[K, Claim]) -> dict[K, float]:
    """The same where some can only take steps: each of them gets one of its own, none less than its first.

    Their first steps may be more than the budget; then everybody else gets what is left of his least, or nothing.
    """
    order = sorted((key for key in claims if claims[key].steps), key=lambda key: claims[key].weight)
    rest = {key: one for key, one in claims.items() if not one.steps}
    scarce = sum(max(0.0, one.least) for one in claims.values()) > budget
    fixed: dict[K, float] = {}
    free = budget - sum(one.most for one in rest.values())
    level = _Level(budget, claims)
    for key in order:
        steps = claims[key].steps
        fixed[key] = steps[0] if scarce else _below(steps, level.part(key))
        level.fix(key, fixed[key])
        # What the others were promised is not for these.
        free -= fixed[key]
    for key in reversed(order):
        higher = max(fixed[key], _below(claims[key].steps, fixed[key] + free))
        free -= higher - fixed[key]
        fixed[key] = higher
    return {**shares(max(0.0, budget - sum(fixed.values())), rest), **fixed}


def _below(steps: tuple[float, ...], rate: float) -> float:
    """The largest step that is not above, or the first."""
    return steps[number_of(steps, rate)]


class _Level(Generic[K]):
    """The level of those whose part is not fixed yet. It only rises, as nobody is fixed above his part: so whoever is
    passed on the way up is passed for good, and to fix all of them takes one walk."""

    def __init__(self, budget: float, claims: Mapping[K, Claim]) -> None:
        self._bounds = {
            key: (max(0.0, one.least), max(0.0, one.least, one.most), max(1, one.weight)) for key, one in claims.items()
        }
        self._turns = sorted(
            [(least / weight, weight, key) for key, (least, _, weight) in self._bounds.items()]
            + [(most / weight, -weight, key) for key, (_, most, weight) in self._bounds.items()],
            key=lambda turn: (turn[0], -turn[1]),
        )
        self._next = 0
        self._left = budget - sum(least for least, _, _ in self._bounds.values())
        """Of the budget, at the level of `_at`."""
        self._at = 0.0
        self._growing: dict[K, int] = {}
        """By key, what it weighs; `_slope` is the sum."""
        self._slope = 0
        self._fixed: set[K] = set()

    def part(self, key: K) -> float:
        """What it gets as it is."""
        self._rise()
        least, most, weight = self._bounds[key]
        return min(max(self._at * weight, least), most)

    def fix(self, key: K, rate: float) -> None:
        """It gets so much, whatever the level."""
        least, most, weight = self._bounds[key]
        self._left += min(max(self._at * weight, least), most) - rate
        self._slope -= self._growing.pop(key, 0)
        self._fixed.add(key)

    def _rise(self) -> None:
        while self._next < len(self._turns):
            turn, weight, key = self._turns[self._next]
            if key not in self._fixed:
                step = (turn - self._at) * self._slope
                if self._slope and step > self._left:
                    break
                self._left, self._at = self._left - step, turn
                self._slope += weight
                if weight > 0:
                    self._growing[key] = weight
                else:
                    self._growing.pop(key)
            self._next += 1
        if self._slope and self._next < len(self._turns):
            self._at += max(0.0, self._left) / self._slope
            self._left = 0.0


@attrs.frozen
class _Taken:
    """A step that was given: its number among `of`, its name if it has one, and its rate."""

    number: int
    of: int
    name: str | None
    rate: float


@attrs.define(eq=False)
class Allotment(Generic[K]):
    """Of one link."""

    given: dict[K, float] = attrs.field(factory=dict, init=False)
    """bit/s that each may send."""
    excess: float = attrs.field(default=0.0, init=False)
    """Bits that were sent above the budget and are not made good; below 0: that were left of it lately."""
    _rising: dict[K, float] = attrs.field(factory=dict, init=False)
    """Since when each would have got more."""
    _steps: dict[K, _Taken] = attrs.field(factory=dict, init=False)
    """Which of its steps each was given."""
    _changes: dict[K, deque[float]] = attrs.field(factory=dict, init=False)
    """When each was last changed."""
    _last: float | None = attrs.field(default=None, init=False)

    def look(self, now: float, budget: float, claims: Mapping[K, Claim], sent: float = 0.0) -> Mapping[K, float]:
        """What each may send from now on. `sent`: bits since the last look, of all together; `now` in seconds."""
        self._count(now, budget, sent)
        for key in [key for key in self.given if key not in claims]:
            self._forget(key)
        room, held = budget * HEADROOM, min(max(0.0, self.excess) / REPAID, budget * AT_ONCE)
        wanted = stepped(room, {key: self._dearer(key, one) for key, one in claims.items()})
        if held:
            # What passes is no reason for another picture.
            left = room - held - sum(wanted[key] for key, one in claims.items() if one.steps)
            wanted |= shares(max(0.0, left), {key: one for key, one in claims.items() if not one.steps})
        tired = self._tired(claims, wanted, now)
        for key, one in claims.items():
            self._give(key, one, wanted[key], now, held=one.weight < tired)
        return self.given

    def step(self, key: K) -> int | None:
        """Which of its steps it may take, by number; None = it takes none."""
        taken = self._steps.get(key)
        return taken.number if taken is not None else None

    def name(self, key: K) -> str | None:
        """Likewise by its name in the claim; None = it takes none, or they have no names."""
        taken = self._steps.get(key)
        return taken.name if taken is not None else None

    def _count(self, now: float, budget: float, sent: float) -> None:
        if self._last is not None:
            more = self.excess + sent - budget * (now - self._last)
            self.excess = min(max(-budget * UNUSED, more), budget * MOST_EXCESS)
        self._last = now

    def _dearer(self, key: K, one: Claim) -> Claim:
        """The claim with the steps that would have to be gone up a little larger than they are."""
        at = self._at(key, one)
        if at is None:
            return one
        steps = tuple(rate if number <= at else rate * MARGIN for number, rate in enumerate(one.steps))
        return attrs.evolve(one, steps=steps, most=steps[-1])

    def _at(self, key: K, one: Claim) -> int | None:
        """Which of the steps that it claims now is the one that it was given; None = it was given none."""
        taken = self._steps.get(key)
        if taken is None or not one.steps:
            return None
        if one.names and taken.name in one.names:
            return one.names.index(taken.name)
        if not one.names and taken.of == len(one.steps):
            return taken.number
        return min(range(len(one.steps)), key=lambda number: abs(one.steps[number] - taken.rate))

    def _give(self, key: K, one: Claim, wanted: float, now: float, *, held: bool) -> None:
        """`held`: those who come first get no more for now, so what they leave is not this one's."""
        before, at = self.given.get(key), self._at(key, one)
        step = number_of(self._dearer(key, one).steps, wanted) if one.steps else -1
        changed = self._changed(key, now)
        if before is None:
            more = less = False
        elif one.steps:
            more, less = at is not None and step > at, at is not None and step < at
        else:
            more, less = wanted > before, wanted < before
        # To come back to its least nobody changes too often.
        held = (held or changed >= CLIMBS) and before is not None and before >= one.least
        if more and (now - self._rising.setdefault(key, now) < HOLD or held):
            if at is not None:
                # What it sends already, at its rate of now.
                self._take(key, one, at)
            return
        self._rising.pop(key, None)
        if less and changed >= CHANGES - 1:
            step, wanted = 0, min(wanted, one.least)
        if one.steps:
            if at is not None and step != at:
                self._note(key, now)
            self._take(key, one, step)
            return
        self._steps.pop(key, None)
        if before is None or abs(wanted - before) > SMALL * before or (wanted >= one.most and wanted != before):
            if before is not None and one.most > one.least:
                # What can be told nothing is not changed by it.
                self._note(key, now)
            self.given[key] = wanted

    def _tired(self, claims: Mapping[K, Claim], wanted: Mapping[K, float], now: float) -> int:
        """The most that one weighs who would get more, and was changed too often for it; 0 = there is none."""
        given = self.given
        return max(
            (
                one.weight
                for key, one in claims.items()
                if wanted[key] > given.get(key, wanted[key]) * (1 + SMALL) and self._changed(key, now) >= CLIMBS
            ),
            default=0,
        )

    def _changed(self, key: K, now: float) -> int:
        """How often it was in the last minute."""
        times = self._changes.get(key, ())
        return sum(now - time < MINUTE for time in times)

    def _note(self, key: K, now: float) -> None:
        self._changes.setdefault(key, deque(maxlen=CHANGES)).append(now)

    def _take(self, key: K, one: Claim, number: int) -> None:
        rate = self.given[key] = one.steps[number]
        self._steps[key] = _Taken(number, len(one.steps), one.names[number] if one.names else None, rate)

    def _forget(self, key: K) -> None:
        for kept in (self.given, self._rising, self._steps, self._changes):
            kept.pop(key, None)


def number_of(steps: tuple[float, ...], rate: float) -> int:
    """Of the largest step that is not above, or of the first."""
    return max((number for number, step in enumerate(steps) if step <= rate * (1 + 1e-9)), default=0)
