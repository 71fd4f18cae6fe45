"""Notices what happens to a process from outside: that it stood still, that the machine slept, that its clock was set.

All three look like a network that failed, or like gaps in what the log says, and are nobody's fault here. Who reads the
log has to be told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

STILL = 2.0
"""Seconds without this process running that are told."""
SET = 1.5
"""Seconds by which a clock must have moved against another. Time servers that correct gently stay below it."""


def since_boot() -> float:
    """Seconds, those included in which the machine was suspended; where the system does not count them, without."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class Clocks:
    """Compares them from look to look. Only differences count, so a look that comes late is as good as any."""

    def __init__(
        self,
        running: Callable[[], float] = time.monotonic,
        boot: Callable[[], float] = since_boot,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._running, self._boot, self._wall = running, boot, wall
        self._asleep, self._set = self._differences()

    def look(self, late: float) -> Iterator[str]:
        """What has happened since the last look, a text each. `late`: seconds by which this look is late."""
        asleep, set_by = self._differences()
        slept, moved = asleep - self._asleep, set_by - self._set
        self._asleep, self._set = asleep, set_by
        if late >= STILL:
            yield f"This process stood still for {late:.0f} s: it was stopped, or got no processor"
        if slept >= SET:
            yield f"This machine was suspended for {slept:.0f} s"
        if abs(moved) >= SET:
            yield f"The system's clock was set {'forward' if moved > 0 else 'back'} by {abs(moved):.0f} s"

    def _differences(self) -> tuple[float, float]:
        """How long the machine slept since it was booted, and where the wall clock is beside the time since then."""
        boot = self._boot()
        return boot - self._running(), self._wall() - boot
