"""Whether a worker still lives, by what is heard of it. Pure: looked at in fixed steps, without a clock.

Steps are counted, not seconds: while the parent itself stands still (suspended, or its loop blocked) it does not look,
so that the worker is not blamed for what could not be heard.
"""

from __future__ import annotations

LOOK = 0.5
"""Seconds between two looks. A worker tells its figures about as often."""
SILENCE = 5.0
"""Seconds after which a worker that is heard no more stands still."""
BEGINNING = 60.0
"""Seconds in which the first word must come: loading everything may take a while on a busy machine."""


class Pulse:
    """Of one life of one worker."""

    def __init__(self) -> None:
        self._begun = False
        self._heard = False
        self._silent = 0

    def heard(self) -> None:
        """It has said something."""
        self._begun = self._heard = True

    def look(self) -> float | None:
        """Called every `LOOK` seconds; the seconds of silence when it must be taken for dead."""
        self._silent = 0 if self._heard else self._silent + 1
        self._heard = False
        silence = self._silent * LOOK
        return silence if silence >= (SILENCE if self._begun else BEGINNING) else None
