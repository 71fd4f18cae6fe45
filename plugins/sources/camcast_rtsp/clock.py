"""From RTP timestamps to nanoseconds: wrap, jumps, resets, and the camera's two clocks brought together. No I/O.

Rules:
- A track's line begins at the arrival of its first packet, or beside the other track's by RTP-Info (RFC 2326
  §12.33). Timestamps are followed modulo 2**32: at 90 kHz they wrap every 13 hours.
- Sender reports tell how far sound is off the picture: `reports.Reports`.
- No time is later than its unit's arrival by more than `AHEAD`.
- A leap that real time does not explain (`FORWARD`, `BACK`, `SET`) starts a new line where the old one would be by now.
- Each track by itself: a clock that runs a little fast or slow is kept beside real time (`rate.Drift`), but sound that
  has reports keeps beside the picture instead; one that runs at a wrong rate is not used any longer: arrival is.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.media import NS_PER_MS, NS_PER_S

from .rate import NEAR, ArrivalClock, Drift, RateWatch
from .reports import Report, Reports

FORWARD = 5 * NS_PER_S
BACK = NS_PER_S
"""Pictures out of display order step back by far less."""
SET = NS_PER_S
"""A smaller step forward is one too, if it makes a unit earlier than any before by more than this."""
KNOWN = 16
"""Units after which a line is known that well."""
AHEAD = 5 * NS_PER_S
"""What cameras send in a burst at the beginning, and a fast clock gains until it is mended."""
HOPELESS = (0.88, 1.12)
"""Rates beyond which a clock is not mended: a tenth, and what jitter may add to that in ten seconds."""
_HALF = 1 << 31
_MASK = 0xFFFFFFFF


def signed(difference: int) -> int:
    """A difference of two 32-bit timestamps, the short way round."""
    return ((difference + _HALF) & _MASK) - _HALF


@attrs.define(eq=False)
class Timeline:
    """What the tracks of one session share. All times ns."""

    by_arrival: bool = False
    """All tracks, from the beginning: the user's wish."""
    on_wrong_rate: Callable[[TrackClock, float], object] = lambda clock, factor: None
    """A track's clock runs so many times real time, and is not used any longer."""
    on_drift: Callable[[TrackClock, float], object] = lambda clock, factor: None
    """A track's clock runs a little fast or slow, which is mended; told once."""
    on_set: Callable[[], object] = lambda: None
    """A clock of the camera's, of the wall or of a track, was set while it played."""
    origin: int | None = None
    """Where the RTP-Info times of all tracks lie on our line; known when the first track has begun."""
    reports: list[Reports] = attrs.field(factory=list)
    """Of each track."""


class TrackClock:
    """One track's times. `follows`: the track whose line this one is brought to by sender reports (video's)."""

    def __init__(self, rate: int, timeline: Timeline, *, follows: TrackClock | None = None) -> None:
        self.rate = rate
        self.jumps = 0
        self.by_arrival = timeline.by_arrival
        self.start: int | None = None
        """The RTP timestamp that RTP-Info gives for the moment playing began."""
        self._timeline = timeline
        self._follows = follows
        self._led: TrackClock | None = None
        """The track beside which reports keep this one."""
        self._arrival_clock = ArrivalClock()
        self._watches = (RateWatch(NS_PER_S, 0.5, 2.0), RateWatch(10 * NS_PER_S, *HOPELESS))
        self.drift = Drift()
        led_by = follows.reports if follows is not None else None
        self.reports: Reports = Reports(self.drift, timeline.reports, led_by, timeline.on_set)
        self._begun = False
        self._ticks = 0
        """Extended timestamp of the last unit, and its two neighbours."""
        self._last = 0
        self._last_arrival = 0
        self._line = 0
        """Our time of tick 0."""
        self._media = 0
        self._furthest = 0
        self._time = 0
        self._seen = 0
        """Units on this line, up to `KNOWN`."""
        self._earliest = 0
        """By how much a unit's time was ahead of its arrival at most."""

    def stamp(self, timestamp: int, arrival: int) -> int:
        """Our time of a unit, in ns of the monotonic clock's scale."""
        if self.by_arrival:
            return self._arrival_clock.stamp(arrival)
        if not self._begun:
            return self._begin(timestamp, arrival)
        self._ticks += signed(timestamp - self._last)
        self._last = timestamp
        media = self._ticks * NS_PER_S // self.rate
        step, passed = media - self._media, arrival - self._last_arrival
        self._media, self._last_arrival = media, arrival
        if step < -BACK or step > FORWARD + passed or self._was_set(step, passed, media + self._line - arrival):
            return self._jump(media, passed)
        for watch in self._watches:
            factor = watch.check(media, arrival)
            if factor:
                return self._give_up(factor, arrival)
        led = self._follow()
        progress = media - self._furthest
        if progress > 0:
            self._furthest = media
            self._line += self.drift.gain(progress) + self.reports.stretch(progress)
        time = media + self._line
        if time > arrival + AHEAD:
            time = self._hold(time, arrival)
        self._time = time
        if led is None and self.drift.see(time, arrival):
            self._timeline.on_drift(self, self.drift.factor)
        return time

    def _was_set(self, step: int, passed: int, early: int) -> bool:
        """Whether a step forward, after which a unit is so `early`, means that the camera's clock was set: what it
        leaves out brings it back to where it was, but nothing comes earlier than ever before."""
        if self._seen < KNOWN:
            # A burst at the beginning shows how early is usual.
            self._seen += 1
        elif step > SET + passed and early > self._earliest + SET:
            return True
        self._earliest = max(self._earliest, early)
        return False

    def camera_time(self, timestamp: int) -> int:
        """Only the order and distance of units, for a stream whose times are those of arrival."""
        self._ticks += signed(timestamp - self._last) if self._begun else 0
        self._begun = True
        self._last = timestamp
        return self._ticks * NS_PER_S // self.rate

    def arrival_time(self, arrival: int) -> int:
        return self._arrival_clock.stamp(arrival)

    def change_rate(self, rate: int) -> None:
        """What follows has another clock rate, or another clock: a new line where this one would be."""
        self.rate = rate
        self._begun = False
        self.start = None

    def report(self, timestamp: int, ntp: int) -> None:
        """A sender report about this track."""
        if not self._begun or self.by_arrival:
            return
        ticks = self._ticks + signed(timestamp - self._last)
        time = ticks * NS_PER_S // self.rate + self._line
        self._line += self.reports.heard(Report(ntp, time), self._last_arrival)

    def _follow(self) -> TrackClock | None:
        """The track beside which reports keep this one, if they do: its drift is ours, and reports tell the rest."""
        follows, before = self._follows, self._led
        keep = follows is not None and not follows.by_arrival and self.reports.keep(self._last_arrival)
        self._led = follows if keep else None
        if self._led is not None:
            if before is None:
                self.reports.rate = self.drift.slew - self._led.drift.slew
            self.drift.like(self._led.drift)
        elif before is not None:
            self.drift.alone(self.reports.rate)
            self.reports.rate = 0.0
        return self._led

    def _begin(self, timestamp: int, arrival: int) -> int:
        again = self._time > 0
        self._begun = True
        self._last, self._last_arrival = timestamp, arrival
        self._ticks = self._media = self._furthest = 0
        self._line = max(arrival, self._time + NS_PER_MS)
        if self.start is not None and not again:
            # How much of the track had played at this unit, by the camera's own account.
            played = signed(timestamp - self.start) * NS_PER_S // self.rate
            if self._timeline.origin is None:
                self._timeline.origin = arrival - played
            elif abs(self._timeline.origin + played - arrival) <= NEAR:
                self._line = self._timeline.origin + played
        self._time = self._line
        self._forget()
        return self._time

    def _jump(self, media: int, passed: int) -> int:
        self.jumps += 1
        self._timeline.on_set()
        self._time += max(passed, NS_PER_MS)
        self._line = self._time - media
        self._furthest = media
        self._timeline.origin = None
        self._forget()
        return self._time

    def _forget(self) -> None:
        """The line is another one: what was compared with it says nothing."""
        self.reports.forget()
        self.drift.reset()
        self._seen = self._earliest = 0
        for watch in self._watches:
            watch.reset()

    def _hold(self, time: int, arrival: int) -> int:
        """Times run ahead of arrival by `AHEAD` at most: a burst at the beginning is crowded, and a clock that is far
        too fast does little harm until it is found out."""
        held = max(arrival + AHEAD, self._time + NS_PER_MS // 2)
        self._line -= time - held
        self.reports.last = None
        self.drift.reset()
        return held

    def _give_up(self, factor: float, arrival: int) -> int:
        """This clock is hopeless: arrival counts from here on."""
        self.by_arrival = True
        self.reports.last = None
        self._arrival_clock = ArrivalClock(self._time)
        self._timeline.on_wrong_rate(self, factor)
        return self._arrival_clock.stamp(arrival)

    @property
    def ahead(self) -> int:
        """By how much the times given run ahead of arrival since the clock was given up (ns); 0 = not at all."""
        return max(0, self._arrival_clock.ahead) if self.by_arrival else 0
