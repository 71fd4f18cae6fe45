"""A source that is slower than its session's patience: it would be on the air for a moment with each picture. Pure.

Nothing is wrong with either; but nobody who sees a session come and go thinks of `idle_timeout`, so it is said.
"""

from __future__ import annotations

import attrs

ENOUGH = 3
"""Pauses in a row after which it is said, once."""
APART = 4.0
"""Idle timeouts from one pause to the next at most; what pauses less often is a source that pauses."""


@attrs.define(eq=False)
class Pauses:
    """Those of one session. Times are seconds of any clock that only goes forward."""

    idle_timeout: float = 8.0
    _pausing: bool = attrs.field(default=False, init=False)
    _began: float | None = attrs.field(default=None, init=False)
    """The last pause's."""
    _row: list[float] = attrs.field(factory=list, init=False)
    """Distances between pauses that followed each other soon."""
    _told: bool = attrs.field(default=False, init=False)

    def waits(self, now: float) -> None:
        """The session is off the air for want of media; may be said again while it lasts."""
        if self._pausing:
            return
        if self._began is not None:
            apart = now - self._began
            self._row = [*self._row, apart] if apart <= APART * self.idle_timeout else []
        self._pausing, self._began = True, now

    def goes_on(self) -> str:
        """There is media again. Returns what the operator should be told, "" = nothing."""
        self._pausing = False
        if self._told or len(self._row) < ENOUGH:
            return ""
        self._told = True
        apart = sum(self._row) / len(self._row)
        return (
            f"the source sends something every {apart:.0f} s only, and after {self.idle_timeout:g} s without media the "
            f"stream is ended, so it begins anew each time: set idle_timeout above {2 * apart:.0f} s, as far as the "
            "server waits for so long"
        )
