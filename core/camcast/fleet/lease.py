"""How long a member may run what it has: by its own clock, from the beginning of the last renewal that was answered.

```
0 ── renewed every fifth ── STOP: all is ended in order ── KILL: the kernel ends the process ── 1: it is over
```

A renewal that fails is tried again a twentieth after its beginning, as long as there is something to save by that.
Others count from when they saw the renewal, which is later, so whoever waits a whole lease comes after the end. The
clock is one that counts on while the machine sleeps (CLOCK_BOOTTIME).
"""

from __future__ import annotations

import attrs

RENEW = 0.2
AGAIN = 0.05
STOP = 0.6
KILL = 0.9
"""Parts of a lease. The last tenth is for clocks that do not run alike."""


@attrs.define
class Lease:
    """A member's own. `seconds`: its length."""

    seconds: float
    renewed_at: float | None = None
    """When the last renewal that was answered had begun; None = never in this life."""
    asked_at: float | None = None
    """When the last renewal began, answered or not."""
    asking: bool = False
    _failed: bool = False
    """Whether the last renewal was not answered, or refused."""

    def due(self, now: float) -> bool:
        """Whether it is time to renew: from the beginning of the last one."""
        wait = AGAIN if self._failed and self.holds(now) else RENEW
        return not self.asking and (self.asked_at is None or now >= self.asked_at + wait * self.seconds)

    def may_hurry(self, now: float) -> bool:
        """Whether to renew before that, where there is something to say: not right after one that has failed."""
        return self.due(now) or not (self.asking or self._failed)

    def ask(self, now: float) -> None:
        """A renewal begins."""
        self.asking, self.asked_at = True, now

    def answered(self, began: float) -> None:
        """The store has it."""
        self._failed = False
        self.renewed_at = began if self.renewed_at is None else max(began, self.renewed_at)

    def failed(self) -> None:
        """The store has not answered, or has refused it."""
        self.asking, self._failed = False, True

    def lost(self) -> None:
        """Another life begins, or this one was found dead."""
        self.renewed_at = None

    def holds(self, now: float) -> bool:
        """Whether something may run, and goes on to for long enough that it can be ended in order."""
        return self.renewed_at is not None and now < self.renewed_at + STOP * self.seconds

    @property
    def kill_at(self) -> float | None:
        """When nothing may run any more."""
        return None if self.renewed_at is None else self.renewed_at + KILL * self.seconds
