"""Planned moves of a session that is on the air: failback, redirect, switch.

A candidate is opened beside the active attempt, must stand for `HOLD`, and takes over at the next keyframe: its outlet
is fed first and closes the old one before that keyframe reaches it, so no frame is missing and none is sent twice.
Until then the active attempt is not touched, and a candidate that comes to nothing leaves no trace on the air.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import attrs

from camcast.errors import CamcastError, TransportError
from camcast.media import MediaKind
from camcast.session.attempt import Attempt, AttemptOwner
from camcast.session.opening import Failed, Opened, Opener
from camcast.session.pool import SessionPool
from camcast.session.stage import Connected, OnAir, Prepared, Published
from camcast.stream.flow import FlowCounters

HOLD = 3.0
"""Seconds that a candidate must have been accepted before the move: some servers agree and close a moment later."""
KEYFRAME_DEADLINE = 20.0
"""Seconds to wait for the keyframe to move at: the longest usual distance, doubled."""


@attrs.frozen
class Request:
    """Where to move, and why: "failback", "redirect", "rotate" or "switch"."""

    why: str
    target: int
    url: str = ""
    """Where its server wants the session to be; else the chain's entry `target` says."""


class MoveOwner(Protocol):
    """Who has moves made."""

    def note(self, code: str, text: str) -> None:
        """Tell something that an operator should know."""

    def took_over(self) -> None:
        """The candidate is on the air, and the active attempt gets no more. In the hub's round: return at once."""


class Mover:
    """The moves of one session, one at a time."""

    def __init__(self, opener: Opener, pool: SessionPool[Connected], session: AttemptOwner, owner: MoveOwner) -> None:
        """Candidates work for `session`."""
        self.candidate: OnAir | None = None
        self.why = ""
        self._opener = opener
        self._pool = pool
        self._session = session
        self._owner = owner
        self._begun = False

    @property
    def ready(self) -> OnAir | None:
        """The candidate, once it has taken over: the active attempt gets no more."""
        return self.candidate if self._begun else None

    def done(self) -> None:
        """The candidate is the session's now."""
        self.candidate = None
        self._begun = False

    async def move(self, active: OnAir, request: Request) -> bool:
        """Open a candidate and let it take over from `active`. False = it would not, which is told.

        Goes on looking after the candidate until it is cancelled, or the candidate is lost.
        """
        owner = _Candidate(self._session, lambda: self._take_over(active))
        if request.url:
            opening = self._opener.new(request.target, owner)
        else:
            opening = self._opener.of_pool(self._pool, request.target, owner)
        outcome = await opening.run(
            redirect=(active.target, request.url) if request.url else None,
            prepared=lambda place: self._elsewhere(place, active),
        )
        match outcome:
            case Opened(published):
                return await self._stand(published, request, owner)
            case Failed(attempt, error):
                self._failed(attempt, request, error)
        return False

    async def _stand(self, published: Published, request: Request, owner: _Candidate) -> bool:
        attempt = published.attempt
        try:
            await _holds(attempt, HOLD)
            self.why = request.why
            self.candidate = published.start(at_keyframe=True)
            attempt.want_keyframe()
            await _holds(attempt, KEYFRAME_DEADLINE)
            raise TransportError("no keyframe came to move at", stage="publish")
        except BaseException as error:
            if owner.took_over:
                raise  # it is the session's now
            self.candidate = None
            self._opener.let_go(attempt, clean=True)
            if not isinstance(error, CamcastError):
                raise
            self._failed(attempt, request, error)
        return False

    def _elsewhere(self, place: Prepared, active: OnAir) -> None:
        if place.name == active.published.name:
            self._owner.note("move_refused", f"{place.attempt.shown} is where the session publishes already")
            raise TransportError("the same name on the same server", stage="publish")

    def _take_over(self, active: OnAir) -> None:
        """The candidate is about to get its first unit; the old outlet must not."""
        self._begun = True
        active.outlet.finish()
        self._owner.took_over()

    def _failed(self, attempt: Attempt, request: Request, error: CamcastError) -> None:
        text = attempt.scrub(str(error))
        self._owner.note(f"{request.why}_failed", f"cannot move to {attempt.shown} yet: {text}")


class _Candidate:
    """Whom a candidate works for: the session, and the move that made it."""

    def __init__(self, session: AttemptOwner, begun: Callable[[], object]) -> None:
        self.took_over = False
        self._session = session
        self._begun = begun

    @property
    def flow(self) -> FlowCounters:
        return self._session.flow

    def dropped(self, kind: MediaKind) -> None:
        self._session.dropped(kind)

    def redirected(self, attempt: Attempt, url: str) -> None:
        self._session.redirected(attempt, url)

    def outdated(self, attempt: Attempt) -> None:
        self._session.outdated(attempt)

    def begun(self, attempt: Attempt) -> None:
        self.took_over = True
        self._begun()


async def _holds(attempt: Attempt, seconds: float) -> None:
    """Wait; raises what ends the attempt meanwhile."""
    done, _ = await asyncio.wait({attempt.lost_error}, timeout=seconds)
    if done:
        raise attempt.lost_error.result()
