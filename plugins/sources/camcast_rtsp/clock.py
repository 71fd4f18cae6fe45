"""From RTP timestamps to nanoseconds: wrap, jumps, resets, and the camera's two clocks brought together. No I/O.

Rules:
- A track's line begins beside the other track's by sender reports or by RTP-Info (RFC 2326 §12.33), or at the arrival
  of its first packet. Timestamps are followed modulo 2**32: at 90 kHz they wrap every 13 hours.
- Sender reports tell how far sound is off the picture (`reports.Reports`), and keep it there (`beside.Beside`).
- No time is later than its unit's arrival by more than `AHEAD`.
- A leap that real time does not explain (`FORWARD`, `BACK`, `SET`) starts a new line where the old one would be by now.
  Units that fall back have a line of their own at first: only where they go on like that for `DOUBTFUL` the clock was
  set, else they were late by themselves.
- Each track by itself: a clock that runs a little fast or slow is kept beside real time (`rate.Drift`), but sound that
  has reports keeps beside the picture instead; one that runs at a wrong rate, or stands still, is not used any longer:
  arrival is.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from camcast.media import NS_PER_MS, NS_PER_S

from .beside import Beside
from .rate import NEAR, ArrivalClock, Drift, RateWatch, StandStill
from .reports import UNSURE, Report, Reports

FORWARD = 5 * NS_PER_S
BACK = NS_PER_S
"""Pictures out of display order step back by far less."""
SET = NS_PER_S
"""A smaller step forward is one too, if it makes a unit earlier than any before by more than this."""
DOUBTFUL = NS_PER_S
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
    """A track's clock runs so many times real time (0 = it stands still), and is not used any longer."""
    on_drift: Callable[[TrackClock, float], object] = lambda clock, factor: None
    """A track's clock runs a little fast or slow, which is mended; told once."""
    on_set: Callable[[], object] = lambda: None
    """A clock of the camera's, of the wall or of a track, was set while it played."""
    on_too_early: Callable[[], object] = lambda: None
    """One track's reports are about moments before what has come of it, so they are not used."""
    origin: int | None = None
    """Where the RTP-Info times of all tracks lie on our line; known when the first track has begun."""
    clocks: list[TrackClock] = attrs.field(factory=list)
    """Of each track."""

    def wall_set(self, told_by: TrackClock, *, sure: bool) -> None:
        """The camera's wall clock was set: what other tracks have reported is about the old one.

        `sure`: its reports had gone on from each other, which those of some cameras never do.
        """
        if sure:
            self.on_set()
        for clock in self.clocks:
            if clock is not told_by:
                clock.reports.renew()


class TrackClock:
    """One track's times. `follows`: the track whose line this one is brought to by sender reports (video's)."""

    def __init__(self, rate: int, timeline: Timeline, *, follows: TrackClock | None = None) -> None:
        self.rate = rate
        self.jumps = 0
        self.by_arrival = timeline.by_arrival
        self._timeline = timeline
        timeline.clocks.append(self)
        self._start: int | None = None
        """The RTP timestamp that RTP-Info gives for the moment playing began."""
        self._early: tuple[int, int] | None = None
        """What a sender report said before the first unit came."""
        self._arrival_clock = ArrivalClock()
        self._still = StandStill()
        self._watches = (RateWatch(NS_PER_S, 0.5, 2.0), RateWatch(10 * NS_PER_S, *HOPELESS))
        self.drift = Drift()
        self._turn = (0, 0.0)
        """When the line took on the slew that it has, and the one that it had before."""
        self.reports = Reports()
        self.beside = Beside(self.reports, follows) if follows is not None else None
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
        self._aside: tuple[int, int] | None = None
        """Since when units fall back, and the line that they have."""
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
        ticks = self._ticks + signed(timestamp - self._last)
        media = ticks * NS_PER_S // self.rate
        step, passed = media - self._media, arrival - self._last_arrival
        if step >= -BACK:
            self._aside = None
        elif (time := self._beside_the_line(media, passed, arrival)) is not None:
            return time
        self._ticks, self._last = ticks, timestamp
        self._media, self._last_arrival = media, arrival
        if step < -BACK or step > FORWARD + passed or self._was_set(step, passed, media + self._line - arrival):
            return self._jump(media, passed)
        if self._still.check(step, arrival):
            return self._give_up(0.0, arrival)
        for watch in self._watches:
            factor = watch.check(media, arrival)
            if factor:
                return self._give_up(factor, arrival)
        progress = media - self._furthest
        if progress > 0:
            self._furthest = media
            self._go_on(progress, arrival)
        time = media + self._line
        if time > arrival + AHEAD:
            time = self._hold(time, arrival)
        self._time = time
        if self.beside is None or self.beside.slew is None:
            before = self.drift.slew
            if self.drift.see(time, arrival):
                self._timeline.on_drift(self, self.drift.factor)
            if self.drift.slew != before:
                self._turn = (self._furthest, before)
        return time

    def time_at(self, media: int) -> int:
        """Our time of another moment of the track's clock, not far from its last unit."""
        turn, slew = self._turn[0], self.drift.slew
        line = self._line + int((max(media, turn) - self._furthest) * slew)
        if media < turn:
            line += int((media - turn) * self._turn[1])
        return media + line

    def _beside_the_line(self, media: int, passed: int, arrival: int) -> int | None:
        """The time of a unit that falls back, as long as it may be late by itself."""
        since, line = self._aside or (arrival, 0)
        if self._aside is None or not self._time <= media + line <= arrival + AHEAD:
            line = self._time + max(passed, NS_PER_MS) - media
        self._aside = since, line
        return media + line if arrival - since < DOUBTFUL else None

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
        self._start = self._early = None

    def starts_at(self, timestamp: int) -> None:
        """RTP-Info: this timestamp is the moment playing began. Some cameras say so behind their first packets."""
        self._start = timestamp
        if self._begun and not self.by_arrival and self._timeline.origin is None:
            self._timeline.origin = self._line + self._ns(timestamp)

    def report(self, timestamp: int, ntp: int) -> None:
        """A sender report about this track."""
        if self.by_arrival:
            return
        sure = self.reports.sure
        if not self._begun:
            self._early = (timestamp, ntp)
        else:
            media = self._ns(timestamp)
            if self.reports.heard(Report(ntp, media), self._last_arrival, self._media - media):
                self._timeline.wall_set(self, sure=sure)

    def _ns(self, timestamp: int) -> int:
        """The track's time of a timestamp, the short way from the last unit's."""
        return (self._ticks + signed(timestamp - self._last)) * NS_PER_S // self.rate

    def _go_on(self, progress: int, arrival: int) -> None:
        """The line moves by what its clock's drift asks for, or by what keeps it beside the other track's."""
        beside = self.beside
        if beside is not None:
            before, known = beside.slew, beside.too_early
            gained = beside.gain(self._media, self._line, progress, arrival)
            if beside.too_early and not known:
                self._timeline.on_too_early()
            if gained is not None:
                self._line += gained
                return
            if before is not None:
                self.drift.alone(before)
        self._line += self.drift.gain(progress)

    def _begin(self, timestamp: int, arrival: int) -> int:
        again = self._time > 0
        self._begun = True
        self._last, self._last_arrival = timestamp, arrival
        self._ticks = self._media = self._furthest = 0
        self._forget()
        self._line = max(arrival, self._time + NS_PER_MS)
        if self._early is not None:
            early, self._early = self._early, None
            self.report(*early)
        if not again:
            self._begin_beside(timestamp, arrival)
        self._time = self._line
        return self._time

    def _begin_beside(self, timestamp: int, arrival: int) -> None:
        """Where the first unit lies by the camera's own account, if that agrees with arrival."""
        timeline = self._timeline
        # How much of the track had played at this unit.
        played = None if self._start is None else -self._ns(self._start)
        if played is not None and timeline.origin is None:
            timeline.origin = arrival - played
        told = None if played is None or timeline.origin is None else timeline.origin + played
        if self.reports.known(arrival):
            for other in timeline.clocks:
                if other is not self and other._begun and not other.by_arrival and other.reports.known(arrival):
                    by_reports = other.time_at(other.reports.media(self.reports.ntp(0)))
                    if abs(by_reports - arrival) <= (NEAR if other.reports.sure and self.reports.sure else UNSURE):
                        told = by_reports
        if told is not None and abs(told - arrival) <= NEAR:
            self._line = told

    def _jump(self, media: int, passed: int) -> int:
        self.jumps += 1
        self._timeline.on_set()
        aside, self._aside = self._aside, None
        self._time = media + aside[1] if aside is not None else self._time + max(passed, NS_PER_MS)
        self._line = self._time - media
        self._furthest = media
        self._timeline.origin = None
        self._forget()
        return self._time

    def _forget(self) -> None:
        """The line is another one: what was compared with it says nothing."""
        self.reports.forget()
        if self.beside is not None:
            self.beside.forget()
        self.drift.reset()
        self._turn = (0, self.drift.slew)
        self._seen = self._earliest = 0
        self._still.reset()
        for watch in self._watches:
            watch.reset()

    def _hold(self, time: int, arrival: int) -> int:
        """Times run ahead of arrival by `AHEAD` at most: a burst at the beginning is crowded, and a clock that is far
        too fast does little harm until it is found out."""
        held = max(arrival + AHEAD, self._time + NS_PER_MS // 2)
        self._line -= time - held
        self.drift.reset()
        return held

    def _give_up(self, factor: float, arrival: int) -> int:
        """This clock is hopeless: arrival counts from here on."""
        self.by_arrival = True
        self.reports.renew()
        self._arrival_clock = ArrivalClock(self._time)
        self._timeline.on_wrong_rate(self, factor)
        return self._arrival_clock.stamp(arrival)

    @property
    def ahead(self) -> int:
        """By how much the times given run ahead of arrival since the clock was given up (ns); 0 = not at all."""
        return max(0, self._arrival_clock.ahead) if self.by_arrival else 0
