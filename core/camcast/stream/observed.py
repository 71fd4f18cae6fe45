"""What is seen of a path, for a regulator: how late everything is, what comes through. Pure; readings are handed in.

How much later everything is acknowledged than this path does at its best is one figure for a queue wherever it stands:
in this process, in the kernel, in a modem on the way. It is the least of the last moments, for each keyframe is late by
itself. While a queue stands, what is acknowledged is what the path bears; without one nobody knows more than that it
bears what was sent.

Where the peer reports now and then (`contracts/reported.py`), a reading counts when it brings a report, and every time
is taken over two reports at least. What such a path loses is no less a sign than a queue: a short queue overflows
before it is long.
"""

from __future__ import annotations

from math import inf

import attrs

from camcast.few import Few

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
MAX_USUAL = 0.3
"""Share of losses that may count as the path's own."""
LESSENS = 0.2
"""Of that, what a look with fewer takes away."""
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
seldom, and do not say when and of what, neither a queue nor a silence can be told from waiting for the next report."""
SHORT = 0.06
"""Seconds in which even a keyframe has left, and is acknowledged, where there is far more room than is used. A kernel
that has nothing else to say may put an acknowledgement off for 0.04."""
SPAN = 2.2
"""Reports that are looked at together, at the least: two, and some more, as they do not come by the clock."""
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
    lost: int = 0
    """Of `acked`, bytes that never arrived."""
    report: int = 0
    """Number of the peer's report that this is of; 0 = it acknowledges all the time."""
    every: float = 0.0
    """Seconds from one report to the next."""


@attrs.define(eq=False)
class Observed:
    """One attempt's path, by its last readings."""

    _readings: Few[Reading] = attrs.field(factory=Few, init=False)
    _late: Few[tuple[float, float]] = attrs.field(factory=Few, init=False)
    """When, and how many seconds the acknowledgement of then took."""
    _ahead: Few[float] = attrs.field(factory=lambda: Few[float](maxlen=3), init=False)
    """Of the last readings, seconds that what waits would take at the rate of just then."""
    _moves: Few[bool] = attrs.field(factory=lambda: Few[bool](maxlen=LOOKS), init=False)
    """Whether anything was acknowledged from each reading to the next, or nothing waited for it."""
    _since: float = attrs.field(default=-inf, init=False)
    """When acknowledgements went on after a silence."""
    _shortest: float = attrs.field(default=inf, init=False)
    """Seconds that an acknowledgement takes at best."""
    base: float = attrs.field(default=inf, init=False)
    """Likewise, others' queues included."""
    dropped: bool = attrs.field(default=False, init=False)
    """Whether pictures were left out since the last reading but one."""
    _every: float = attrs.field(default=0.0, init=False)
    """Seconds from one report to the next; 0 = all is acknowledged at once."""
    _usual: float = attrs.field(default=0.0, init=False)
    """Share of what arrives nowhere, whatever is sent."""
    soon: tuple[float, float] = attrs.field(default=(0.0, 0.0), init=False)
    """`rates` of `SOON`, as of the last reading."""
    _quiet: bool = attrs.field(default=False, init=False)
    """Whether reports stay away."""

    _quick: int = attrs.field(default=0, init=False)
    """Readings, one after another, at which nothing had waited for long."""

    def begin(self, trip: float) -> None:
        """Another path; `trip` as in `Regulator.begin`."""
        self._forget()
        self.base = self._shortest = trip
        self._every = self._usual = 0.0

    def add(self, reading: Reading) -> bool:
        """Take one more; whether it says anything new."""
        readings, late, now = self._readings, self._late, reading.now
        self._every = reading.every
        if readings and reading.report and reading.report == readings[-1].report:
            self._quiet = reading.waiting > self.base + self.over(CUT) + self._every
            return self._quiet
        self._quiet = False
        if readings and now - readings[-1].now > self.over(MEASURED):
            # Nobody looked: what lies between says nothing.
            self._forget()
        self.dropped = bool(readings) and reading.drops > readings[-1].drops
        if readings:
            moves = readings[-1].acked < reading.acked or reading.acked == reading.given
            if moves and len(self._moves) > 1 and not (self._moves[-1] or self._moves[-2]):
                # A rate over a silence is none.
                self._since = readings[-1].now
            self._moves.append(moves)
        self._quick = self._quick + 1 if reading.trip <= SHORT and reading.waiting <= SHORT else 0
        readings.append(reading)
        while now - readings[0].now > self.over(LONG):
            readings.popleft()
        self.base = min(self.base, reading.trip)
        self._shortest = min(self._shortest, reading.trip)
        late.append((now, reading.waiting if reading.waiting > reading.trip + self.over(CUT) else reading.trip))
        while now - late[0][0] > self.over(RECENT) + self.over(TREND):
            late.popleft()
        bears, _ = self.soon = self.rates(SOON)
        if bears:
            self._ahead.append((reading.given - reading.acked) * 8 / bears - self.base)
        if self._usual:
            self._usual += LESSENS * min(0.0, self._lost - self._usual)
        return True

    # --- what it says ---------------------------------------------------------------------------------------

    def over(self, seconds: float) -> float:
        """Over which time it is looked at what shows in `seconds` where all is acknowledged at once."""
        return seconds if seconds > SPAN * self._every else SPAN * self._every

    @property
    def steady(self) -> bool:
        """Whether acknowledgements come often enough to tell anything by them."""
        if self._every:
            return len(self._readings) > 1
        return len(self._moves) >= 4 and 2 * sum(self._moves) >= len(self._moves)

    @property
    def calm(self) -> bool:
        """Whether there is nothing at all to be seen, by what costs little to ask: no queue, no losses, no silence."""
        last = self._readings[-1]
        if last.lost or self.dropped or self._quiet or not self._ahead or self._ahead[-1] >= WAITED:
            return False
        return last.trip - self.base < WAITED and last.waiting <= self.base + CUT and self.steady

    @property
    def wide(self) -> bool:
        """Whether nothing has waited for long lately, keyframes included: the path is short, and bears far more."""
        return self._quick >= LOOKS and not self._every

    @property
    def queue(self) -> float:
        """Seconds that everything is late at present."""
        return self._queue(self._readings[-1].now)

    @property
    def queue_before(self) -> float:
        """Likewise `TREND` seconds ago; 0 where nobody looked then."""
        then = self._readings[-1].now - self.over(TREND)
        return self._queue(then) if self._late[0][0] <= then else 0.0

    @property
    def grows(self) -> float:
        """Seconds of a queue that grows fast; 0 = it does not.

        By what waits and not by what was late: a queue of a second shows in an acknowledgement a second later.
        """
        bears, given = self.soon
        if len(self._ahead) < 3 or not STILL * given < bears <= THIN * given:
            return 0.0
        first, second, third = self._ahead
        # What came through while nothing waited is what was sent, and not what the path bears.
        return third if WAITED < first < second < third and third - first > GROWS else 0.0

    @property
    def goes(self) -> bool:
        """Whether less waits than did a moment ago, though a queue still shows in what was acknowledged."""
        last = self._readings[-1]
        then = next(one for one in self._readings if last.now - one.now <= self.over(RECENT))
        return last.given - last.acked < LESS * (then.given - then.acked)

    @property
    def silent(self) -> bool:
        """Whether nothing has been acknowledged for long, though something waits for it."""
        last = self._readings[-1]
        if self._every:
            return self._quiet
        if last.waiting <= self.base + CUT or not self.steady:
            return False
        first = next(one for one in self._readings if last.now - one.now <= CUT)
        return last.now - first.now > SOON and first.acked == last.acked

    @property
    def passes(self) -> bool:
        """Whether all that is handed over comes through: then it is not we who fill a queue that stands."""
        bears, given = self.rates(LONG)
        return bears >= THROUGH * given > 0

    def rates(self, within: float = MEASURED) -> tuple[float, float]:
        """(bit/s that came, bit/s handed over) of the last `within` seconds; 0 where that is not known yet."""
        last, first = self._ends(within)
        seconds = last.now - first.now
        if seconds < within / 2:
            return 0.0, 0.0
        came = last.acked - last.lost - first.acked + first.lost
        return came * 8 / seconds, (last.given - first.given) * 8 / seconds

    @property
    def losses(self) -> float:
        """Of what was sent lately, the share that never came, beyond what is always lost on this path."""
        return max(0.0, self._lost - self._usual) if self._readings[-1].lost else 0.0

    # --- what it is told ------------------------------------------------------------------------------------

    def others(self) -> None:
        """The queue is others': it is the path's own length for us until it goes."""
        self.base = min(self.base + self.queue, self._shortest + MAX_BASE)
        self._late.clear()
        self._ahead.clear()

    def losing(self) -> None:
        """So much is lost whatever is sent: it says nothing of how much fits."""
        self._usual = min(MAX_USUAL, self._lost)

    @property
    def _lost(self) -> float:
        """Of what was sent lately, the share that never came."""
        last, first = self._ends(MEASURED)
        covered = last.acked - first.acked
        return (last.lost - first.lost) / covered if covered > 0 else 0.0

    def _ends(self, within: float) -> tuple[Reading, Reading]:
        """The last reading, and the first of the last `within` seconds."""
        first = last = self._readings[-1]
        start = max(last.now - self.over(within), self._since)
        # From the end: most that is asked for is of the last moments.
        for one in reversed(self._readings):
            if one.now < start:
                break
            first = one
        return last, first

    def _queue(self, until: float) -> float:
        least, start = inf, until - self.over(RECENT)
        for at, late in reversed(self._late):
            if at < start:
                break
            if at <= until and late < least:
                least = late
        return (self.base if least == inf else least) - self.base

    def _forget(self) -> None:
        self._readings.clear()
        self._late.clear()
        self._ahead.clear()
        self._moves.clear()
        self._quick = 0
