"""What one camera may take of the process: a share of each turn, and so much of each second. No I/O.

A turn's share keeps a hostile camera from holding the others up; what it sends in a second beyond all that a camera
has reason to send ends its session, with the reason.
"""

from __future__ import annotations

import time

from camcast.media import NS_PER_MS, NS_PER_S

TURN = 2 * NS_PER_MS
"""A camera's share of one round of reading."""
MAX_MESSAGES = 50
"""In a second: a camera sends a handful in a minute."""
MAX_STRAYS = 20_000
"""Runs of bytes in a second that are neither RTSP nor media: some cameras have a few bytes behind every packet."""
MAX_UNITS = 1000
"""Pictures and frames of sound in a second, over `SECONDS` in a row: sound has up to 400 (2.5 ms each). After a stall
more come at once, but not for long."""
MAX_CHANGES = 20
"""Of parameters, in `CHANGES_WINDOW`."""
CHANGES_WINDOW = 10 * NS_PER_S
MAX_SHARE = 0.5
"""Of a processor for taking packets apart, over `SECONDS` in a row. 100 Mbit/s need 0.03."""
SECONDS = 3


class Offence(Exception):
    """A camera does what no camera has reason to; the text says what."""


class Meter:
    """Counts what one session of a camera costs. `check` raises `Offence`."""

    def __init__(self) -> None:
        self.messages = 0
        self.units = 0
        self.strays = 0
        self._begun = 0
        """Of the second being counted (ns)."""
        self._busy = 0
        self._entered = 0
        self._busy_seconds = 0
        self._crowded_seconds = 0
        self._changes: list[int] = []

    def enter(self) -> None:
        """Work for this camera begins."""
        self._entered = time.thread_time_ns()

    def leave(self) -> None:
        """It ends, or goes on for somebody else."""
        self._busy += time.thread_time_ns() - self._entered

    def changed(self, now: int) -> None:
        """A track's parameters are other ones. Raises `Offence`."""
        self._changes = [then for then in self._changes if now - then < CHANGES_WINDOW]
        self._changes.append(now)
        if len(self._changes) > MAX_CHANGES:
            raise Offence(
                f"the camera changes its media's parameters all the time: {len(self._changes)} times in "
                f"{CHANGES_WINDOW // NS_PER_S} s"
            )

    def check(self, now: int) -> None:
        """Raises `Offence` when this second was too much. Call it as often as you like."""
        if not self._begun:
            self._begun = now
        if self.messages > MAX_MESSAGES:
            raise Offence(
                f"the camera sends more than {MAX_MESSAGES} RTSP messages in a second (requests, or answers that "
                "nobody asked for)"
            )
        if self.strays > MAX_STRAYS:
            raise Offence("the camera sends rubbish between its media: bytes that are neither RTSP nor media")
        if now - self._begun >= NS_PER_S:
            self._next_second(now)

    def _next_second(self, now: int) -> None:
        passed = (now - self._begun) / NS_PER_S
        share = self._busy / (now - self._begun)
        self._busy_seconds = self._busy_seconds + 1 if share > MAX_SHARE else 0
        self._crowded_seconds = self._crowded_seconds + 1 if self.units > MAX_UNITS * passed else 0
        if self._crowded_seconds >= SECONDS:
            raise Offence(f"the camera sends more than {MAX_UNITS} pictures or frames of sound in a second")
        if self._busy_seconds >= SECONDS:
            raise Offence(
                f"taking apart what the camera sends needs {share:.0%} of a processor "
                f"({self.units} pictures and frames of sound in a second)"
            )
        self._begun, self._busy = now, 0
        self.messages = self.units = self.strays = 0
