"""A second ingest point, publishing beside the active one from the same timeline (standby "hot").

When the active attempt is lost, the twin carries on: nothing was off the air. Until then its frames are not the
session's, so they are counted apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from camcast.errors import NetworkError, TransportError
from camcast.media import MediaKind
from camcast.session.attempt import Attempt
from camcast.session.opening import Failed, Opened, Opener
from camcast.session.stage import OnAir, Prepared
from camcast.stream.flow import FlowCounters

MAX_DELAY = 60.0
"""Seconds between two tries to bring a twin back, at most; it begins with one."""


class Bystander:
    """Whom an attempt works for that only stands beside. One for each."""

    def __init__(self) -> None:
        self.flow = FlowCounters()

    def dropped(self, kind: MediaKind) -> None:
        """Nobody misses it."""

    def redirected(self, attempt: Attempt, url: str) -> None:
        """Not followed: it is told again when it matters."""

    def outdated(self, attempt: Attempt) -> None:
        attempt.lost(NetworkError("the stream's tracks changed meanwhile", stage="streaming"))

    def begun(self, attempt: Attempt) -> None:
        """Of no consequence."""


class TwinOwner(Protocol):
    """Who keeps a twin."""

    def note(self, code: str, text: str) -> None:
        """Tell something that an operator should know."""

    def twin_lost(self) -> None:
        """It is gone: `keep` brings it back."""


class Twin:
    """Of one session: kept, lost, brought back, taken."""

    def __init__(self, opener: Opener, owner: TwinOwner, now: Callable[[], float] = time.monotonic) -> None:
        self.on_air: OnAir | None = None
        self._opener = opener
        self._owner = owner
        self._now = now
        self._redundant: bool | None = None
        self._delay = 1.0
        self._next = 0.0
        """When the next try is due; inf when there is none that could work."""

    def begin(self) -> None:
        """Another attempt is the active one: what could not work beside the last one may work beside it."""
        if self._next == float("inf"):
            self._next = 0.0

    async def keep(self, active: OnAir, target: int) -> None:
        """Have a twin on the chain's entry `target` beside `active`, or try to get one when that is due."""
        twin, now = self.on_air, self._now()
        if twin is not None and twin.attempt.lost_error.done():
            text = twin.attempt.scrub(str(twin.attempt.lost_error.result()))
            self.let_go(clean=False)
            self._tell(False, f"the second ingest point is lost: {text}")
        if self.on_air is not None or now < self._next:
            return
        if target == active.index:
            self._next = float("inf")
            self._tell(False, 'standby "hot" needs a second URL in the chain')
            return
        self._next = now + self._delay
        self._delay = min(self._delay * 2, MAX_DELAY)
        opening = self._opener.new(target, Bystander())
        match await opening.run(prepared=lambda place: self._elsewhere(place, active)):
            case Opened(published):
                self.on_air = published.start(base=active.outlet.base)
                published.attempt.lost_error.add_done_callback(lambda _: self._owner.twin_lost())
                self._delay = 1.0
                self._tell(True, f"two ingest points carry the stream: {active.shown} and {published.attempt.shown}")
            case Failed(attempt, error):
                self._tell(False, f"the second ingest point does not answer: {attempt.scrub(str(error))}")

    def take(self) -> OnAir | None:
        """The twin, which is the session's from now on; None unless it publishes and lives."""
        twin = self.on_air
        if twin is None or twin.attempt.ended:
            return None
        self.on_air = None
        self._redundant = False
        self._owner.note("redundancy_lost", f"one of two ingest points is lost; {twin.shown} carries on")
        return twin

    def let_go(self, *, clean: bool) -> None:
        """Close it in the background, if there is one."""
        twin, self.on_air = self.on_air, None
        if twin is not None:
            self._opener.let_go(twin.attempt, clean=clean)

    def _elsewhere(self, place: Prepared, active: OnAir) -> None:
        if place.name == active.published.name:
            self._next = float("inf")
            raise TransportError("it is where the session publishes already", stage="publish")

    def _tell(self, present: bool, text: str) -> None:
        if self._redundant is not present:
            self._redundant = present
            self._owner.note("redundancy" if present else "redundancy_lost", text)
