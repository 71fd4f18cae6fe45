"""From RTP timestamps to nanoseconds: wrap, jumps, resets, and the camera's two clocks brought together. No I/O.

Rules:
- A track's line begins at the arrival of its first packet, or beside the other track's by RTP-Info (RFC 2326
  §12.33). Timestamps are followed modulo 2**32: at 90 kHz they wrap every 13 hours.
- Sender reports (RFC 3550 §6.4.1) tell how far sound is off. Large errors are mended at once where that moves sound
  forward, all others by stretching it a little, so that its time never runs back. Reports that are off by more than
  `MAX_OFFSET` are about different clocks and are ignored.
- A leap that real time does not explain (`FORWARD`, `BACK`) starts a new line where the old one would be by now.
- A clock that keeps running at a wrong rate is not used any longer: arrival is.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.media import NS_PER_MS, NS_PER_S

FORWARD = 5 * NS_PER_S
BACK = NS_PER_S
"""Pictures out of display order step back by far less."""
MAX_OFFSET = 10 * NS_PER_S
NEAR = 2 * NS_PER_S
"""RTP-Info is believed when it agrees with arrival as well as this; a clock is left alone that is off by less."""
BEHIND = 8 * NS_PER_S
"""More than what cameras and servers hold back for a slow link before they leave pictures out."""
_MIN_FRAMES = 8
_HALF = 1 << 31
_MASK = 0xFFFFFFFF


def signed(difference: int) -> int:
    """A difference of two 32-bit timestamps, the short way round."""
    return ((difference + _HALF) & _MASK) - _HALF


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


class ArrivalClock:
    """Times by arrival, smoothed: a loop that follows the mean interval and rises all the time."""

    def __init__(self) -> None:
        self._time: int | None = None
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
                due = arrival
            else:
                due += error / 8
                self._period = min(max(self._period + error / 256, NS_PER_MS), 10.0 * NS_PER_S)
            self._time = max(int(due), before + NS_PER_MS // 2)
        self._last_arrival = arrival
        return self._time


@attrs.define(eq=False)
class Timeline:
    """What the tracks of one session share. All times ns."""

    by_arrival: bool = False
    on_wrong_rate: Callable[[float], None] = lambda factor: None
    origin: int | None = None
    """Where the RTP-Info times of all tracks lie on our line; known when the first track has begun."""

    def give_up(self, factor: float) -> None:
        """The camera's clock is hopeless."""
        if not self.by_arrival:
            self.by_arrival = True
            self.on_wrong_rate(factor)


class TrackClock:
    """One track's times. `follows`: the track whose line this one is brought to by sender reports (video's)."""

    def __init__(self, rate: int, timeline: Timeline, *, follows: TrackClock | None = None) -> None:
        self.rate = rate
        self.jumps = 0
        self.reports_ignored = 0
        self._timeline = timeline
        self.start: int | None = None
        """The RTP timestamp that RTP-Info gives for the moment playing began."""
        self._follows = follows
        self._arrival_clock = ArrivalClock()
        self._watches = (RateWatch(NS_PER_S, 0.5, 2.0), RateWatch(10 * NS_PER_S, 0.9, 1.1))
        self._begun = False
        self._ticks = 0
        """Extended timestamp of the last unit, and its two neighbours."""
        self._last = 0
        self._last_arrival = 0
        self._line = 0
        """Our time of tick 0."""
        self._media = 0
        self._time = 0
        self._wall: int | None = None
        """Our time minus the camera's NTP time."""
        self._correction = 0
        """What is still to be added to the line, little by little."""

    @property
    def wall(self) -> int | None:
        return self._wall

    def stamp(self, timestamp: int, arrival: int) -> int:
        """Our time of a unit, in ns of the monotonic clock's scale."""
        if self._timeline.by_arrival:
            return self._arrival_clock.stamp(arrival)
        if not self._begun:
            return self._begin(timestamp, arrival)
        delta = signed(timestamp - self._last)
        self._ticks += delta
        self._last = timestamp
        media = self._ticks * NS_PER_S // self.rate
        step, passed = media - self._media, arrival - self._last_arrival
        self._media, self._last_arrival = media, arrival
        time = media + self._line
        if step < -BACK or step > FORWARD + passed:
            return self._jump(media, passed)
        if self._correction:
            time += self._stretch(step)
        for watch in self._watches:
            factor = watch.check(media, arrival)
            if factor:
                self._timeline.give_up(factor)
                return self._arrival_clock.stamp(arrival)
        self._time = time
        return time

    def camera_time(self, timestamp: int) -> int:
        """Only the order and distance of units, for a stream whose times are those of arrival."""
        self._ticks += signed(timestamp - self._last) if self._begun else 0
        self._begun = True
        self._last = timestamp
        return self._ticks * NS_PER_S // self.rate

    def arrival_time(self, arrival: int) -> int:
        return self._arrival_clock.stamp(arrival)

    def report(self, timestamp: int, ntp: int) -> None:
        """A sender report about this track."""
        if not self._begun or self._timeline.by_arrival:
            return
        ticks = self._ticks + signed(timestamp - self._last)
        self._wall = ticks * NS_PER_S // self.rate + self._line - ntp
        if self._follows is None or self._follows.wall is None:
            return
        error = self._follows.wall - self._wall
        if abs(error) > MAX_OFFSET:
            self.reports_ignored += 1
            self._correction = 0
        elif error > NS_PER_S // 4:
            self._line += error
            self._correction = 0
        else:
            self._correction = error

    def _begin(self, timestamp: int, arrival: int) -> int:
        self._begun = True
        self._last, self._last_arrival = timestamp, arrival
        self._line = self._time = arrival
        if self.start is not None:
            # How much of the track had played at this unit, by the camera's own account.
            played = signed(timestamp - self.start) * NS_PER_S // self.rate
            if self._timeline.origin is None:
                self._timeline.origin = arrival - played
            elif abs(self._timeline.origin + played - arrival) <= NEAR:
                self._line = self._time = self._timeline.origin + played
        return self._time

    def _jump(self, media: int, passed: int) -> int:
        self.jumps += 1
        self._time += max(passed, NS_PER_MS)
        self._line = self._time - media
        self._wall = None
        self._correction = 0
        self._timeline.origin = None
        for watch in self._watches:
            watch.reset()
        return self._time

    def _stretch(self, step: int) -> int:
        share = 4 if abs(self._correction) > NS_PER_S // 4 else 16
        part = max(0, step) // share
        part = min(part, self._correction) if self._correction > 0 else -min(part, -self._correction)
        self._correction -= part
        self._line += part
        return part
