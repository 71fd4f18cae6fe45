"""What is measured of the way to a peer: its round trip and its rate. Pure: the clock is handed in."""

from __future__ import annotations

from math import inf, log2

import attrs

from camcast.few import Few

PATH_SECONDS = 5.0
"""A round trip seen longer ago than one to two of these is forgotten, for paths change; not sooner, because a queue
that stands for longer passes for distance."""
MAX_ROUND_TRIP = 1.5
"""Seconds. No path is longer (two hops over geostationary satellites take 1.2 s); what takes longer is a queue."""
STANDING_SECONDS = 1.0
"""A round of judging whether a queue stands, at least."""
PATIENCE = 10.0
"""Seconds that a queue on the way may keep pictures back: more than it needs to be gone if they were what filled it."""
INITIAL_WINDOW = 14_600
"""Bytes that TCP sends before the first acknowledgement (RFC 6928: ten segments); then twice as many a round trip."""
MIN_INTERVAL = 0.2
"""Seconds over which the rate is measured at the least, as transports may ask the kernel every 0.1 s only. And never
less than two round trips: a window leaves in one burst each, so that within one there may be nothing of it."""
SILENCE = 0.5
"""Seconds without any acknowledgement, two round trips at the least, that say nothing of the rate: the path was cut.

Bytes leave in a cut too, as long as the window has room, and now and then when some are tried again. Those few, taken
for a rate, would be a link on which a keyframe takes a minute: as much media might then wait here."""
RATE_SHARE = 0.3
"""Weight of a new measurement of the rate."""


@attrs.define(eq=False)
class RoundTrip:
    """The least time from a send to its acknowledgement: all others hold time in a queue, or until somebody asked.

    Seconds, at most `MAX_ROUND_TRIP`; None = nothing has been acknowledged yet.
    """

    shortest: float | None = attrs.field(default=None, init=False)
    """Of all times."""
    _now: float = attrs.field(default=inf, init=False)
    _before: float = attrs.field(default=inf, init=False)
    _until: float = attrs.field(default=-inf, init=False)

    def see(self, seconds: float, now: float) -> None:
        """A unit was acknowledged, `seconds` after it was sent or less."""
        if now >= self._until:
            self._before, self._now, self._until = self._now, inf, now + PATH_SECONDS
        seconds = min(seconds, MAX_ROUND_TRIP)
        self._now = min(self._now, seconds)
        self.shortest = seconds if self.shortest is None else min(self.shortest, seconds)

    @property
    def lately(self) -> float | None:
        """Of the last `PATH_SECONDS` to twice that."""
        return None if self.shortest is None else min(self._now, self._before)


@attrs.define(eq=False)
class PathQueue:
    """The queue that stands on the way: how much longer everything takes to be acknowledged than it once did.

    A modem or router may hold many seconds of a stream that its link is too thin for, and nothing of it waits on this
    machine. Late answers alone say nothing: what was sent while the link was away is answered late, and what follows
    is not. So the least of the last two rounds counts, each as long as it takes until something sent in it is answered.
    """

    _base: float | None = attrs.field(default=None, init=False)
    """Seconds that an answer takes without a queue, as far as is known."""
    _now: float = attrs.field(default=inf, init=False)
    _before: float = attrs.field(default=0.0, init=False)
    _round: float = attrs.field(default=-inf, init=False)
    """When this round began."""
    _kept_back_since: float | None = attrs.field(default=None, init=False)

    def see(self, seconds: float, now: float) -> None:
        """A unit was acknowledged, `seconds` after it left."""
        if now - seconds >= self._round and now - self._round >= STANDING_SECONDS:
            self._before, self._now, self._round = self._now, inf, now
        self._now = min(self._now, seconds)
        self._base = seconds if self._base is None else min(self._base, seconds)

    def clear(self) -> None:
        """Nothing is on its way any more: whatever stood there is gone."""
        self._now = self._before = 0.0 if self._base is None else self._base
        self._round = -inf

    @property
    def seconds(self) -> float:
        """How long it is."""
        return 0.0 if self._base is None else min(self._now, self._before) - self._base

    def gone(self, bound: float, now: float) -> bool:
        """Whether it is down to `bound` seconds, asked while pictures are left out for its sake.

        Not for ever: a queue that `PATIENCE` does not shorten is not of our making (others use the link, or the way has
        become longer), and counts as the way's own length from then on.
        """
        if self.seconds <= bound:
            self._kept_back_since = None
            return True
        if self._kept_back_since is None:
            self._kept_back_since = now
        elif now - self._kept_back_since > PATIENCE and self._base is not None:
            self._base += self.seconds
            self._kept_back_since = None
            return True
        return False


@attrs.define(eq=False)
class Departures:
    """When bytes left that had to wait here first. What waits here is no queue on the way, and is judged by itself."""

    _looks: Few[tuple[int, float]] = attrs.field(factory=Few, init=False)
    """How far the bytes had left when; only while some waited, and not beyond what has been asked for."""

    def see(self, left: int, end: int, now: float) -> None:
        """At `now` all up to `left` has left, of all up to `end`."""
        looks = self._looks
        if left >= end:
            looks.clear()
        elif looks and looks[-1][0] == left:
            looks[-1] = (left, now)
        else:
            looks.append((left, now))

    def of(self, position: int, sent: float) -> float:
        """When what ends at `position` left, or somewhat before that; it was sent at `sent`. Positions go forward."""
        looks = self._looks
        while len(looks) > 1 and looks[1][0] < position:
            looks.popleft()
        return max(sent, looks[0][1]) if looks and looks[0][0] < position else sent


@attrs.define(eq=False)
class Rate:
    """How fast bytes go while more of them wait. When none wait the source sets the pace, so it is not known."""

    value: float = attrs.field(default=0.0, init=False)
    """bytes/s; 0 = not known."""
    _gone: int = attrs.field(default=0, init=False)
    _since: float | None = attrs.field(default=None, init=False)
    _done: int = attrs.field(default=0, init=False)
    _heard: float = attrs.field(default=0.0, init=False)
    """When `_done` last grew, or waiting began."""

    def see(self, gone: int, done: int, now: float, round_trip: float, *, waits: bool) -> None:
        """`gone` bytes have gone in all, `done` of them are acknowledged; `waits`: others have not gone."""
        if not waits:
            self.value, self._since = 0.0, None
            return
        least = max(MIN_INTERVAL, 2 * round_trip)
        since, silent = self._since, now - self._heard >= max(SILENCE, least)
        if since is None or done > self._done:
            self._done, self._heard = done, now
        if since is None or silent:
            self._gone, self._since = gone, now
        elif self._heard > since and gone > self._gone and now - since >= least:
            measured = (gone - self._gone) / (now - since)
            self.value += (measured - self.value) * (RATE_SHARE if self.value else 1.0)
            self._gone, self._since = gone, now


def opening(size: int, round_trip: float) -> float:
    """Seconds that a connection takes until its window has opened for `size` bytes, if nothing limits its rate."""
    return round_trip * log2(1 + size / INITIAL_WINDOW)
