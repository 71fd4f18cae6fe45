"""The last quarter of an hour of every session, for whoever comes to look later. Bounded: 11 kB a session,
mostly half of it.

All sessions are noted at moments that they share, so their curves lie over each other. A moment that the loop missed is
a gap, as is one at which a session was not on the air.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from math import floor, isnan, nan
from typing import Protocol

import attrs

from camcast.events import SessionKey
from camcast.services import HISTORY
from camcast.session.metrics import Sketch

INTERVAL = 2.0
"""Seconds between two moments."""
POINTS = HISTORY
"""Moments that are kept."""
EARLY = 0.01
"""Part of an interval."""
SLICE = 32
"""Sessions that are noted in one turn of the loop, which has media to carry."""


@attrs.frozen(kw_only=True)
class SessionHistory:
    """Figures of one session, the oldest first. Each list has as many; None = not on the air, or not known."""

    key: SessionKey
    interval: float = INTERVAL
    """Seconds between two figures."""
    until: float
    """`time.time()` of the last figure."""
    target: Sequence[int | None]
    """Index in the chain of the target that it was on the air at."""
    bitrate: Sequence[float | None]
    """In bit/s."""
    bitrate_target: Sequence[float | None]
    """What its encoder was told, in bit/s; None also where it does not adapt."""
    lag: Sequence[float | None]
    """Seconds of media that had not left this machine."""
    dropped: Sequence[float | None]
    """Frames dropped since the figure before."""
    round_trip: Sequence[float | None]
    """Seconds to the server and back."""


class Ring:
    """One figure at the last `POINTS` moments. While it is always the same, as most are, it is kept once."""

    __slots__ = ("_all", "_same")

    def __init__(self) -> None:
        self._same: float | None = None
        """None before the first."""
        self._all: array[float] | None = None

    def put(self, moment: int, figure: float) -> None:
        """Moments rise, and none is left out."""
        if self._all is None:
            if self._same is None:
                self._same = figure
            if figure == self._same or (isnan(figure) and isnan(self._same)):
                return
            self._all = array("f", [self._same]) * POINTS
        self._all[moment % POINTS] = figure

    def read(self, moments: range) -> list[float]:
        """At these, of the last `POINTS`."""
        if self._all is None:
            return [nan if self._same is None else self._same] * len(moments)
        return [self._all[moment % POINTS] for moment in moments]


class Noted:
    """One session's figures by the number of the moment: a ring for each kind."""

    def __init__(self, moment: int) -> None:
        self._first, self._last = moment, moment - 1
        self._rings = tuple(Ring() for _ in range(6))
        self._target, self._bitrate, self._told, self._lag, self._dropped, self._round_trip = self._rings
        self._drops = 0

    def note(self, moment: int, frames_dropped: int, on_air: Sketch | None) -> None:
        """What holds at `moment`; moments rise. `on_air`: None = it is not."""
        missed = range(max(self._last + 1, moment - POINTS + 1), moment)
        for ring in self._rings:
            for one in missed:
                ring.put(one, nan)
        self._last = moment
        trip = on_air.transport.get("rtt_ms", 0.0) if on_air else 0.0
        self._target.put(moment, on_air.target_index if on_air else nan)
        self._bitrate.put(moment, on_air.bitrate if on_air else nan)
        self._told.put(moment, on_air.bitrate_target or nan if on_air else nan)
        self._lag.put(moment, on_air.lag if on_air else nan)
        # A session that was made anew, in a process that was, counts from nothing.
        self._dropped.put(moment, max(0, frames_dropped - self._drops))
        self._drops = frames_dropped
        self._round_trip.put(moment, trip / 1000 if trip > 0 else nan)

    def shown(self, key: SessionKey, now: float, limit: int) -> SessionHistory:
        """The last `limit` figures. `now`: of the clock that numbers the moments."""
        begin = max(self._first, self._last + 1 - min(limit, POINTS))
        wanted = range(begin, self._last + 1)
        return SessionHistory(
            key=key,
            until=time.time() - (now - self._last * INTERVAL),
            target=[None if isnan(one) else int(one) for one in self._target.read(wanted)],
            bitrate=_rounded(self._bitrate.read(wanted), 0),
            bitrate_target=_rounded(self._told.read(wanted), 0),
            lag=_rounded(self._lag.read(wanted), 3),
            dropped=_rounded(self._dropped.read(wanted), 0),
            round_trip=_rounded(self._round_trip.read(wanted), 5),
        )


class Session(Protocol):
    """Who is noted."""

    key: SessionKey

    @property
    def frames_dropped(self) -> int:
        """As in `metrics`."""

    @property
    def sketch(self) -> Sketch | None:
        """What is kept of it, as it is now; None = it is not on the air."""


class History:
    """Of one engine. All calls on the loop. `sessions`: those that there are."""

    def __init__(self, sessions: Callable[[], Iterable[Session]], now: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._now = now
        self._noted: dict[SessionKey, Noted] = {}
        self._next: asyncio.Handle | None = None

    def start(self) -> None:
        """Note at the next moment, and at each from then on."""
        now = self._now()
        until = (floor(now / INTERVAL) + 1) * INTERVAL - now
        self._next = asyncio.get_running_loop().call_later(until, self._begin)

    def stop(self) -> None:
        """Note no more; what there is can still be read."""
        if self._next is not None:
            self._next.cancel()

    def of(self, key: SessionKey, limit: int = POINTS) -> SessionHistory:
        """The last `limit` figures of a session; none of one that is new, or not there."""
        now = self._now()
        noted = self._noted.get(key) or Noted(floor(now / INTERVAL))
        return noted.shown(key, now, limit)

    def _begin(self) -> None:
        sessions = list(self._sessions())
        for key in self._noted.keys() - {session.key for session in sessions}:
            del self._noted[key]
        # A timer may fire a little early.
        self._go(floor(self._now() / INTERVAL + EARLY), sessions)

    def _go(self, moment: int, sessions: list[Session]) -> None:
        """Note some, then let the loop do other things."""
        some, rest = sessions[:SLICE], sessions[SLICE:]
        if rest:
            self._next = asyncio.get_running_loop().call_soon(self._go, moment, rest)
        else:
            self.start()
        for session in some:
            noted = self._noted.get(session.key)
            if noted is None:
                noted = self._noted[session.key] = Noted(moment)
            noted.note(moment, session.frames_dropped, session.sketch)


def _rounded(figures: Iterable[float], digits: int) -> list[float | None]:
    return [None if isnan(one) else round(one, digits) for one in figures]
