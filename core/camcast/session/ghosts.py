"""Names that this session published may be held by their own ghosts: a server notices a dead link only after a while.

Some servers agree to publish and close a moment later, whatever the reason. Such a loss is *busy* when the name was
really on the air lately. Else it is a *refusal* from the second time on, unless media had flowed for a while: those
that refuse close at once. The first time it may be a server that was just restarted: to ask again soon costs one
attempt, where taking it for a refusal costs half a minute off the air. Pure, with a clock passed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from camcast.errors import BusyError, NetworkError, RefusedError, TransportError, UnexplainedRefusal

AGREEMENT_WINDOW = 3.0
"""Seconds after the server's agreement in which a loss means that it did not mean it."""
GHOST_WINDOW = 180.0
"""Seconds for which a ghost may hold a name."""
FLOWED = 1.0
"""Seconds of acknowledged media after which a server has not refused. Those that do (SRS, node-media-server, nginx)
close within a round trip of their agreement; what they acknowledge until then is their kernel's doing."""


class Ghosts:
    """The names that one session has had on the air, and when."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._published: dict[str, float] = {}
        self._dropped: dict[str, float] = {}
        """Names that were closed a moment after the agreement, and when."""

    def remember(self, name: str, published_at: float) -> None:
        """What was published as `name` ends; if it was really on the air, the name may be held from now on."""
        now = self._now()
        if now - published_at > AGREEMENT_WINDOW:
            self._published = {**self._lately(self._published), name: now}
            self._dropped.pop(name, None)

    def explain(
        self,
        error: TransportError,
        name: str | None,
        published_at: float | None = None,
        flow_since: float | None = None,
    ) -> TransportError:
        """What the loss of an attempt on `name` means. The clock's times of the server's agreement and of the first
        acknowledged media; None = there was none."""
        if not isinstance(error, UnexplainedRefusal) or (published_at is None and not error.after_start):
            return error
        now = self._now()
        if published_at is not None and now - published_at > AGREEMENT_WINDOW:
            return NetworkError(str(error), stage="streaming")
        if name is not None and now - self._published.get(name, float("-inf")) < GHOST_WINDOW:
            return BusyError(
                f"{error}; this session published that name a moment ago, so the server may still hold it",
                stage="publish",
            )
        if flow_since is not None and now - flow_since >= FLOWED:
            return error
        self._dropped = self._lately(self._dropped)
        again = name is None or name in self._dropped
        if name is not None:
            self._dropped[name] = now
        return RefusedError(str(error), stage="publish") if again else error

    def _lately(self, names: dict[str, float]) -> dict[str, float]:
        """Names may be new at each attempt (tokens), so what no ghost holds any more is forgotten."""
        return {name: at for name, at in names.items() if self._now() - at < GHOST_WINDOW}
