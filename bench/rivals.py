"""How others decide: OBS Studio's dynamic bitrate, and one like belacoder's, by what is published of them.

OBS (its release notes and the texts of its settings; pull requests 1086 and 6173 of obs-studio): no picture is left
out. When 0.2 s of media wait to be sent, the bitrate falls to what was sent over the last one to two seconds, in whole
100 kbit/s; 30 s after that it rises by a tenth of the bitrate that it began with, and again every 30 s. If it must fall
before it has measured, it goes back to where the last rise began.

belacoder (docs/bitrate-control.md of its successor ceracoder): every 20 ms, by SRT's round trip and the packets in its
send buffer, against thresholds that follow their averages and jitter.
"""

from __future__ import annotations

from collections import deque
from math import inf

import attrs
from tests.adapt.world import LEAST, MOST, SOUND, Changing

from camcast.stream.outlet import Limits, Outlet

KBIT = 1000


@attrs.define(eq=False)
class Obs:
    """OBS Studio's."""

    limits = Limits(seconds=60.0, bytes=64 << 20, replay_seconds=0.0)
    """It leaves nothing out."""
    tells = False
    WAITS = 0.2
    LEAST_MEASURED, MOST_MEASURED = 1.0, 2.0
    RISE = 30.0
    target: int = MOST
    _before: int = 0
    _rise_at: float = inf
    _sent: deque[tuple[float, int]] = attrs.field(factory=lambda: deque[tuple[float, int]]())

    def look(self, now: float, outlet: Outlet, path: Changing) -> int:
        self._sent.append((now, path.left))
        while now - self._sent[0][0] > self.MOST_MEASURED:
            self._sent.popleft()
        # Pictures are as much as they are many: what waits, in seconds of them.
        if (path.written - path.left) * 8 / (self.target + SOUND) >= self.WAITS:
            self._lower(now)
        elif now >= self._rise_at:
            self._before = self.target
            self.target = min(MOST, self.target + MOST // 10)
            self._rise_at = now + self.RISE if self.target < MOST else inf
        return self.target

    def _lower(self, now: float) -> None:
        (start, first), (_, last) = self._sent[0], self._sent[-1]
        measured = 0
        if now - start >= self.LEAST_MEASURED:
            measured = max(50 * KBIT, int((last - first) * 8 / (now - start)) - SOUND)
        if measured and measured < self.target:
            self.target = max(50 * KBIT, measured // (100 * KBIT) * 100 * KBIT)
            self._sent.clear()
            self._sent.append((now, last))
        elif self._before:
            self.target = self._before
        else:
            return
        self._before = 0
        self._rise_at = now + self.RISE


@attrs.define(eq=False)
class Belacoder:
    """One like belacoder's, with its usual figures."""

    limits = Limits(seconds=2.0, replay_seconds=0.0)
    """SRT leaves out what is later than its latency."""
    tells = True
    LATENCY = 2000.0
    """ms, its default."""
    PACKET = 1316
    SLOW, FAST = 0.99, 0.01
    exact: float = MOST
    _buffer_average: float = 0.0
    _buffer_jitter: float = 0.0
    _buffer_before: float = 0.0
    _trip_average: float = 0.0
    _trip_least: float = 200.0
    _trip_jitter: float = 0.0
    _trip_slope: float = 0.0
    _trip_before: float = 300.0
    _throughput: float = 0.0
    _left_before: int = 0
    _time_before: float = 0.0
    _rise_at: float = 0.0
    _fall_at: float = 0.0

    def look(self, now: float, outlet: Outlet, path: Changing) -> int:
        buffer = (path.written - path.acked) / self.PACKET
        trip = 1000 * (path.round_trip + (path._queue + path.other) / max(path.trace.rate(now) / 8, 1.0))
        self._follow(now, buffer, min(trip, 10_000.0), path.left)
        self._decide(now * 1000, buffer, trip)
        self.exact = min(max(self.exact, LEAST), MOST)
        return int(self.exact) // (100 * KBIT) * 100 * KBIT

    def _follow(self, now: float, buffer: float, trip: float, left: int) -> None:
        self._buffer_average = self.SLOW * self._buffer_average + self.FAST * buffer
        self._buffer_jitter = max(self.SLOW * self._buffer_jitter, buffer - self._buffer_before)
        self._buffer_before = buffer
        self._trip_average = self.SLOW * self._trip_average + self.FAST * trip if self._trip_average else trip
        change = trip - self._trip_before
        self._trip_slope = 0.8 * self._trip_slope + 0.2 * change
        self._trip_jitter = max(self.SLOW * self._trip_jitter, change)
        self._trip_least *= 1.001
        if trip < self._trip_least and self._trip_slope < 1.0:
            self._trip_least = trip
        self._trip_before = trip
        if now > self._time_before:
            rate = (left - self._left_before) * 8 / (now - self._time_before)
            self._throughput = 0.97 * self._throughput + 0.03 * rate
        self._left_before, self._time_before = left, now

    def _decide(self, now: float, buffer: float, trip: float) -> None:
        average, jitter = self._buffer_average, self._buffer_jitter
        emergency = 4 * (average + jitter)
        heavy = max(50.0, average + max(3 * jitter, average))
        heavy = min(heavy, self._throughput / 8 * (self.LATENCY / 2 / 1000) / self.PACKET)
        light = max(50.0, average + 2.5 * jitter)
        longest = self._trip_average + max(4 * self._trip_jitter, 0.15 * self._trip_average)
        shortest = self._trip_least + max(1.0, 2 * self._trip_jitter)
        if self.exact > LEAST and (trip >= self.LATENCY / 3 or buffer > emergency):
            self.exact = LEAST
            self._fall_at = now + 200
        elif now > self._fall_at and (trip > self.LATENCY / 5 or buffer > heavy):
            self.exact -= 100 * KBIT + self.exact / 10
            self._fall_at = now + 250
        elif now > self._fall_at and (trip > longest or buffer > light):
            self.exact -= 100 * KBIT
            self._fall_at = now + 200
        elif now > self._rise_at and trip < shortest and self._trip_slope < 0.01:
            self.exact += 30 * KBIT + self.exact / 30
            self._rise_at = now + 500
