"""How fast a camera's clock runs against ours: wrong rates noticed, slow drift measured, arrival smoothed. No I/O."""

from __future__ import annotations

from collections import deque

from camcast.media import NS_PER_MS, NS_PER_S

NEAR = 2 * NS_PER_S
"""RTP-Info is believed when it agrees with arrival as well as this; a clock is left alone that is off by less."""
BEHIND = 8 * NS_PER_S
"""More than what cameras and servers hold back for a slow link before they leave pictures out."""
_MIN_FRAMES = 8
_LEAP = NS_PER_S * 5 // 2
"""A step forward that whoever comes after takes for what it is; larger ones look like a clock that was set."""


class RateWatch:
    """Compares media time with real time in windows of `window` ns; two in a row wrong the same way are a verdict.

    Windows follow each other without a gap, and media must have run ahead by `NEAR` or fallen behind by `BEHIND` in
    all: so neither a stall with the burst behind it, nor the burst with which many cameras begin, nor a link that is
    too slow for a few seconds is mistaken for a wrong clock.
    """

    def __init__(self, window: int, low: float, high: float) -> None:
        self._window, self._low, self._high = window, low, high
        self.reset()

    def reset(self) -> None:
        self._origin: tuple[int, int] | None = None
        self._start = (0, 0)
        self._frames = 0
        self._before = 0

    def check(self, media: int, arrival: int) -> float:
        """The factor by which the camera's clock is fast (2.0 = twice), or 0.0 while nothing is wrong."""
        if self._origin is None:
            self._origin = self._start = (media, arrival)
            return 0.0
        self._frames += 1
        passed = arrival - self._start[1]
        if passed < self._window or self._frames < _MIN_FRAMES:
            return 0.0
        ratio = (media - self._start[0]) / passed
        ahead = (media - self._origin[0]) - (arrival - self._origin[1])
        self._start, self._frames = (media, arrival), 0
        wrong = 1 if ratio > self._high else -1 if ratio < self._low else 0
        verdict = wrong and wrong == self._before and (ahead > NEAR or ahead < -BEHIND)
        self._before = wrong
        return max(ratio, 1e-9) if verdict else 0.0


class StandStill:
    """Notices timestamps that tell nothing: most units of a second, and of the next, have the one's before.

    So it is where times are always the same, or change only with each group of pictures, or are counted in ms. Sound in
    pieces of 1 ms and less, as AES67 has it, is told from these by what its small steps are together.
    """

    _LEAST = 2 * NS_PER_MS
    """Between two units whose times tell them apart; no camera has 500 pictures in a second."""
    _PART = 10
    """Smaller steps that are together more than this part of the time that passes do tell it, also over a slow link."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._begun = 0
        self._units = self._still = self._told = 0
        self._before = False

    def check(self, step: int, arrival: int) -> bool:
        """A unit that is `step` ns later than the last one by its timestamp; whether timestamps are no use."""
        if not self._begun:
            self._begun = arrival
        self._units += 1
        if 0 <= step < self._LEAST:
            self._still += 1
            self._told += step
        passed = arrival - self._begun
        if passed < NS_PER_S or self._units < _MIN_FRAMES:
            return False
        still = 4 * self._still > 3 * self._units and self._told * self._PART < passed
        verdict, self._before = still and self._before, still
        self._begun, self._units, self._still, self._told = arrival, 0, 0, 0
        return verdict


DRIFT_WINDOW = 5 * NS_PER_S
_WINDOWS = 3
"""So long (15 s) a link may be slow without being taken for a clock."""
_SPEED = 0.02
"""Natural frequency of the loop in rad/s: an error is gone after some minutes."""
_LATE, _EARLY = 1.0, 1.2
"""Seconds that are acted upon at once: the network makes units late, only a fast clock makes them early."""
MAX_DRIFT = 0.15
"""Beyond what `RateWatch` leaves to us, with something left for catching up."""
TOLD_DRIFT = 0.0008
_TOLD_AFTER = 120 * NS_PER_S
_UNSURE = 300 * NS_PER_MS
"""By how much arrival may mislead over any time."""
_KNOWN_AFTER = 300 * NS_PER_S


class Drift:
    """Keeps a line of times beside real time by letting it run a little faster or slower.

    What is compared is the least delay between a unit's time and its arrival in each window: a loaded network makes
    units late, never early. The delay of the first window is what is held. A second-order loop, critically damped:
    after a while nothing remains of a constant drift.
    """

    def __init__(self) -> None:
        self.slew = 0.0
        """What the line gains on the camera's clock: 0.01 = 10 ms in a second."""
        self._told = False
        self.reset()

    def reset(self) -> None:
        """The line begins anew: what is known of the clock's rate stays."""
        self._begun = 0
        self._least: int | None = None
        self._held: int | None = None
        """The delay that is held, and what it was by the camera's own clock (without what the line gained)."""
        self._own = 0
        self._since = 0
        self._gained = 0
        self._recent: deque[int] = deque(maxlen=_WINDOWS)
        self._trend = self.slew
        self._levelled = False
        self.factor = 1.0
        """How fast the camera's clock runs, as measured since the last reset."""

    def alone(self, slew: float) -> None:
        """No longer kept by another one, beside which the line gained so much: that is our own drift."""
        self.slew = max(-MAX_DRIFT, min(MAX_DRIFT, slew))
        self.reset()

    def gain(self, progress: int) -> int:
        """What the line gains while the camera's clock goes on by `progress` ns."""
        gained = int(progress * self.slew)
        self._gained += gained
        return gained

    def see(self, time: int, arrival: int) -> bool:
        """A unit with `time` on our line came at `arrival`; whether there is a drift to be told, once."""
        delay = arrival - time
        if self._least is None or delay < self._least:
            self._least = delay
        if not self._begun:
            self._begun = arrival
        passed = arrival - self._begun
        if passed < DRIFT_WINDOW:
            return False
        self._begun = arrival
        least, self._least = self._least, None
        if self._held is None:
            self._held, self._own, self._since = least, least + self._gained, arrival
            return False
        self._recent.append(least - self._held)
        # Late for a moment is the network; early cannot be. A link that is slow for long must not carry the line away.
        late = min(self._recent) if len(self._recent) == _WINDOWS else min(0, *self._recent)
        error = max(-_EARLY, min(_LATE, late / NS_PER_S))
        self._trend += _SPEED * _SPEED * error * passed / NS_PER_S
        self._trend = max(-MAX_DRIFT, min(MAX_DRIFT, self._trend))
        self.slew = max(-MAX_DRIFT, min(MAX_DRIFT, self._trend + 2 * _SPEED * error))
        return self._measure(least + self._gained - self._own, arrival - self._since)

    def _measure(self, behind: int, passed: int) -> bool:
        """How fast the clock runs, which has fallen `behind` in this time; whether that is to be told."""
        self.factor = 1 - behind / passed
        if passed > _KNOWN_AFTER and not self._levelled:
            self._levelled = True
            if self._held is not None and self.factor > 1:
                # A fast clock's least delay was at the first window's end: by so much the line is ahead.
                self._held += int((1 - 1 / self.factor) * DRIFT_WINDOW)
        sure = max(TOLD_DRIFT, _UNSURE / passed)
        if self._told or passed < _TOLD_AFTER or abs(self.factor - 1) < sure:
            return False
        self._told = True
        return True


class ArrivalClock:
    """Times by arrival, smoothed: a loop that follows the mean interval and rises all the time."""

    def __init__(self, last: int | None = None) -> None:
        """`last`: a time that has been given already; those that come are above it, crowded until arrival is."""
        self._time = last
        self._period = 0.0
        self._last_arrival = 0

    def stamp(self, arrival: int) -> int:
        before = self._time
        if before is None:
            self._time = arrival
        else:
            if not self._period:
                passed = arrival - self._last_arrival
                self._period = float(passed) if NS_PER_MS < passed < NS_PER_S else 33.0 * NS_PER_MS
            due = before + self._period
            error = arrival - due
            if abs(error) > NS_PER_S // 2:
                due = min(arrival, before + self._period + _LEAP)
            else:
                due += error / 8
                self._period = min(max(self._period + error / 256, NS_PER_MS), 10.0 * NS_PER_S)
            self._time = max(int(due), before + NS_PER_MS // 2)
        self._last_arrival = arrival
        return self._time

    @property
    def ahead(self) -> int:
        """By how much the last time is later than its unit came, ns."""
        return 0 if self._time is None else self._time - self._last_arrival
