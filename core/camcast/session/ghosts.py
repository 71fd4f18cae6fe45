"""Names that this session published may be held by their own ghosts: a server notices a dead link only after a while.

Some servers agree to publish and close a moment later, whatever the reason. Such a loss is *busy* when the
name was really on the air lately, else it is a *refusal*.
"""

from __future__ import annotations

import time

from camcast.errors import BusyError, NetworkError, RefusedError, TransportError, UnexplainedRefusal
from camcast.session.attempt import Attempt

AGREEMENT_WINDOW = 3.0
"""Seconds after the server's agreement in which a loss means that it did not mean it."""
GHOST_WINDOW = 180.0
"""Seconds for which a ghost may hold a name."""


class Ghosts:
    """The names that one session has had on the air, and when."""

    def __init__(self) -> None:
        self._published: dict[str, float] = {}

    def remember(self, attempt: Attempt) -> None:
        """`attempt` ends; if it was really on the air, its name may be held from now on."""
        now = time.monotonic()
        if attempt.published_at is not None and now - attempt.published_at > AGREEMENT_WINDOW:
            # Names may be new at each attempt (tokens), so what no ghost holds any more is forgotten.
            self._published = {name: at for name, at in self._published.items() if now - at < GHOST_WINDOW}
            self._published[attempt.publish_name] = now

    def explain(self, attempt: Attempt, error: TransportError) -> TransportError:
        """What the loss of `attempt` means."""
        if attempt.published_at is None or not isinstance(error, UnexplainedRefusal):
            return error
        now = time.monotonic()
        if now - attempt.published_at > AGREEMENT_WINDOW:
            return NetworkError(str(error), stage="streaming")
        if now - self._published.get(attempt.publish_name, float("-inf")) < GHOST_WINDOW:
            return BusyError(
                f"{error}; this session published that name a moment ago, so the server may still hold it",
                stage="publish",
            )
        return RefusedError(str(error), stage="publish")
