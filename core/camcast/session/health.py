"""How a session is, in one word: what an operator looks at first, and what a supervisor of supervisors asks. Pure."""

from __future__ import annotations

from enum import Enum

from camcast.events import SessionState
from camcast.session.wanted import Wish


class Health(Enum):
    """How a session is."""

    HEALTHY = "healthy"
    """On the air: the peer acknowledges what is sent, little of that is lost on the way, and a picture has gone out
    within its usual distance."""
    UNCONFIRMED = "unconfirmed"
    """As healthy, but nobody can tell whether the server takes this codec: there may be no picture over there."""
    WAITING = "waiting for media"
    """Nothing comes from the source, so there is nothing to send."""
    SCHEDULED_OFF = "scheduled off"
    """Off the air because its schedule says so, until that says otherwise."""
    PAUSED = "paused"
    """Off the air because somebody said so."""
    UNHEALTHY = "unhealthy"
    """It is to be on the air and is not, or nothing of it arrives."""


def judge(
    state: SessionState,
    wish: Wish,
    *,
    acknowledged: bool,
    overdue: bool,
    media: bool,
    confirmed: bool = True,
    impaired: bool = False,
) -> Health:
    """How a session is that is in `state` and is to do `wish`.

    `acknowledged`: it is on the air, and its peer acknowledges. `overdue`: the next picture is later than their usual
    distance allows. `media`: something has come from the source since then, so that it is not the source's fault.
    `confirmed`: the server is known to take what it is sent. `impaired`: it arrives too damaged to be shown.
    """
    if wish is Wish.OFF:
        return Health.SCHEDULED_OFF
    if state is SessionState.FAILED:
        return Health.UNHEALTHY
    if wish in (Wish.PAUSE, Wish.END):
        return Health.PAUSED
    if wish is Wish.WAIT or (overdue and not media):
        return Health.WAITING
    if acknowledged and not overdue and not impaired:
        return Health.HEALTHY if confirmed else Health.UNCONFIRMED
    return Health.UNHEALTHY
