"""What is seen of a path, for a regulator: how late everything is, what comes through. Pure; readings are handed in.

How much later everything is acknowledged than this path does at its best is one figure for a queue wherever it stands:
in this process, in the kernel, in a modem on the way. It is the least of the last moments, for each keyframe is late by
itself. While a queue stands, what is acknowledged is what the path bears; without one nobody knows more than that it
bears what was sent.
"""

from __future__ import annotations

from collections import deque
from math import inf

import attrs

RECENT = 0.7
"""Seconds of which the least counts: until the queue that a usual keyframe makes has gone."""
MEASURED = 1.2
"""Seconds over which a rate is taken: a group of pictures is uneven, and a window of TCP's as well."""
SOON = 0.55
"""Likewise where what waits grows from one reading to the next, and more for each: then there is no time for that."""
GROWS = 0.25
"""Seconds by which it grows in `SOON`. A keyframe makes it larger once and is less with the next reading."""
TREND = 1.5
"""Seconds over which a queue grows, goes or stands."""
CUT = 1.0
"""Seconds without any acknowledgement, beyond the path's own, that are a cut and not a thin link."""
LONG = 3.0
"""Seconds over which it is judged whether all that is handed over comes through: more than a group of pictures."""
THROUGH = 0.97
"""Of what is handed over, what is all of it."""
MAX_BASE = 1.0
"""Seconds of others' queues that may count as the path's own length."""
WAITED = 0.08
"""Seconds of it with which it must have begun."""
THIN = 0.8
"""Of what is handed over, what comes through at the most of a path that is too thin."""
STILL = 0.1
"""Of it, what comes through at the least: below that nothing moves, and a cut or a hiccup says nothing."""
LOOKS = 12
"""Readings of which most must show that something was acknowledged. Where receivers report once a second or more
seldom, as over RTP, neither a queue nor a silence can be told from waiting for the next report."""
LESS = 0.9
"""Of what waited a moment ago, what waits at the most when a queue goes."""


@attrs.frozen
class Reading:
    """What an attempt knows of its path at one moment."""

    now: float
    """Seconds, monotonic."""
    given: int
    """Bytes handed to the transport so far."""
    acked: int
    """Bytes that the peer has acknowledged."""
    trip: float
    """Seconds that the newest acknowledged unit took from hand-over to acknowledgement."""
    waiting: float
    """Seconds since the oldest unit that is not acknowledged was handed over; 0 = there is none."""
    drops: int
    """Pictures left out so far because the link was behind."""


@attrs.define(eq=False)
class Observed:
    """One attempt's path, by its last readings."""

    _readings: deque[Reading] = attrs.field(factory=lambda: deque[Reading](), init=False)
    _late: deque[tuple[float, float]] = attrs.field(factory=lambda: deque[tuple[float, float]](), init=False)
    """When, and how many seconds the acknowledgement of then took."""
    _ahead: deque[float] = attrs.field(factory=lambda: deque[float](maxlen=3), init=False)
    """Of the last readings, seconds that what waits would take at the rate of just then."""
    _moves: deque[bool] = attrs.field(factory=lambda: deque[bool](maxlen=LOOKS), init=False)
    """Whether anything was acknowledged from each reading to the next, or nothing waited for it."""
    _since: float = attrs.field(default=-inf, init=False)
    """When acknowledgements went on after a silence."""
    _shortest: float = attrs.field(default=inf, init=False)
    """Seconds that an acknowledgement takes at best."""
    base: float = attrs.field(default=inf, init=False)
    """Likewise, others' queues included."""
    dropped: bool = attrs.field(default=False, init=False)
    """Whether pictures were left out since the last reading but one."""

    def begin(self, trip: float) -> None:
        """Another path; `trip` as in `Regulator.begin`."""
        self._forget()
        self.base = self._shortest = trip

    def add(self, reading: Reading) -> None:
        """Take one more."""
        readings, late, now = self._readings, self._late, reading.now
        if readings and now - readings[-1].now > MEASURED:
            # Nobody looked: what lies between says nothing.
            self._forget()
        self.dropped = bool(readings) and reading.drops > readings[-1].drops
        if readings:
            moves = readings[-1].acked < reading.acked or reading.acked == reading.given
            if moves and len(self._moves) > 1 and not (self._moves[-1] or self._moves[-2]):
                # A rate over a silence is none.
                self._since = readings[-1].now
            self._moves.append(moves)
        readings.append(reading)
        while now - readings[0].now > LONG:
            readings.popleft()
        self.base = min(self.base, reading.trip)
        self._shortest = min(self._shortest, reading.trip)
        late.append((now, reading.waiting if reading.waiting > reading.trip + CUT else reading.trip))
        while now - late[0][0] > RECENT + TREND:
            late.popleft()
        bears, _ = self.rates(SOON)
        if bears:
            self._ahead.append((reading.given - reading.acked) * 8 / bears - self.base)

    # --- what it says ---------------------------------------------------------------------------------------

    @property
    def steady(self) -> bool:
        """Whether acknowledgements come often enough to tell anything by them."""
        return len(self._moves) >= 4 and 2 * sum(self._moves) >= len(self._moves)

    @property
    def queue(self) -> float:
        """Seconds that everything is late at present."""
        return self._queue(self._readings[-1].now)

    @property
    def queue_before(self) -> float:
        """Likewise `TREND` seconds ago; 0 where nobody looked then."""
        then = self._readings[-1].now - TREND
        return self._queue(then) if self._late[0][0] <= then else 0.0

    @property
    def grows(self) -> float:
        """Seconds of a queue that grows fast; 0 = it does not.

        By what waits and not by what was late: a queue of a second shows in an acknowledgement a second later.
        """
        bears, given = self.rates(SOON)
        if len(self._ahead) < 3 or not STILL * given < bears <= THIN * given:
            return 0.0
        first, second, third = self._ahead
        # What came through while nothing waited is what was sent, and not what the path bears.
        return third if WAITED < first < second < third and third - first > GROWS else 0.0

    @property
    def goes(self) -> bool:
        """Whether less waits than did a moment ago, though a queue still shows in what was acknowledged."""
        last = self._readings[-1]
        then = next(one for one in self._readings if last.now - one.now <= RECENT)
        return last.given - last.acked < LESS * (then.given - then.acked)

    @property
    def silent(self) -> bool:
        """Whether nothing has been acknowledged for long, though something waits for it."""
        last = self._readings[-1]
        first = next(one for one in self._readings if last.now - one.now <= CUT)
        seconds = last.now - first.now
        return self.steady and last.waiting > self.base + CUT and seconds > SOON and first.acked == last.acked

    @property
    def passes(self) -> bool:
        """Whether all that is handed over comes through: then it is not we who fill a queue that stands."""
        bears, given = self.rates(LONG)
        return bears >= THROUGH * given > 0

    def rates(self, within: float = MEASURED) -> tuple[float, float]:
        """(bit/s acknowledged, bit/s handed over) of the last `within` seconds; 0 where that is not known yet."""
        last = self._readings[-1]
        first = next(one for one in self._readings if last.now - one.now <= within and one.now >= self._since)
        seconds = last.now - first.now
        if seconds < within / 2:
            return 0.0, 0.0
        return (last.acked - first.acked) * 8 / seconds, (last.given - first.given) * 8 / seconds

    # --- what it is told ------------------------------------------------------------------------------------

    def others(self) -> None:
        """The queue is others': it is the path's own length for us until it goes."""
        self.base = min(self.base + self.queue, self._shortest + MAX_BASE)
        self._late.clear()
        self._ahead.clear()

    def _queue(self, until: float) -> float:
        lately = [late for at, late in self._late if until - RECENT <= at <= until]
        return min(lately, default=self.base) - self.base

    def _forget(self) -> None:
        self._readings.clear()
        self._late.clear()
        self._ahead.clear()
        self._moves.clear()
