"""What one camera may take of the process: a share of each turn, and so much of each second. No I/O.

A turn's share keeps a hostile camera from holding the others up; what it sends in a second beyond all that a camera
has reason to send ends its session, with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

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
MAX_USELESS = 2000
"""Packets in a second that carry nothing for us, over `SECONDS` in a row: repeated, empty, damaged, of other senders or
other formats. More of them than `USELESS_SHARE` of the others, that is: a network may double every packet."""
USELESS_SHARE = 1.5
MAX_PACKETS = 25_000
"""In a second, over `SECONDS` in a row: 250 Mbit/s."""
MAX_REPORTS = 500
"""RTCP in a second, over `SECONDS` in a row, in datagrams and `REPORT_SIZE` bytes of them: some cameras report with
every picture."""
REPORT_SIZE = 100
MAX_CHANGES = 20
"""Of parameters, in `CHANGES_WINDOW`."""
CHANGES_WINDOW = 10 * NS_PER_S
MAX_SHARE = 0.5
"""Of a processor for taking packets apart, over `SECONDS` in a row. 100 Mbit/s need 0.03."""
SECONDS = 3


class Offence(Exception):
    """A camera does what no camera has reason to; the text says what."""


class Counted(Protocol):
    """Packets of one track."""

    received: int

    @property
    def counts(self) -> Mapping[str, int]:
        """Those that carry nothing for us, by reason, and other things that were noticed."""


_NOTICED = ("reordered", "restart", "renamed")
"""These are no packets that carry nothing."""


class _Row:
    """Seconds in a row in which something was too much."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._seconds = 0

    def over(self, count: float) -> bool:
        """Whether that is so for `SECONDS`, after one with `count` in a second."""
        self._seconds = self._seconds + 1 if count > self._limit else 0
        return self._seconds >= SECONDS


class Meter:
    """Counts what one session of a camera costs. `check` raises `Offence`."""

    def __init__(self) -> None:
        self.messages = 0
        self.units = 0
        self._strays, self._strays_before = 0, 0
        self._unknown = 0
        """Of the whole connection: runs of rubbish, at the second's begin too, and frames of channels that nobody set
        up."""
        self.reports = 0
        """RTCP, as `MAX_REPORTS` counts it."""
        self._tracks: list[Counted] = []
        self._before = (0, 0)
        """Of all tracks: packets, and those that carried nothing."""
        self._begun = 0
        """Of the second being counted (ns)."""
        self._busy = 0
        self._entered = 0
        self._shares, self._crowds = _Row(MAX_SHARE), _Row(MAX_UNITS)
        self._useless, self._packets, self._reported = _Row(MAX_USELESS), _Row(MAX_PACKETS), _Row(MAX_REPORTS)
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
        if self._strays - self._strays_before > MAX_STRAYS:
            raise Offence("the camera sends rubbish between its media: bytes that are neither RTSP nor media")
        if now - self._begun >= NS_PER_S:
            self._next_second(now)

    def watch(self, track: Counted) -> None:
        """Look at what comes for `track`, too."""
        self._tracks.append(track)

    def passed_over(self, strays: int, unknown: int) -> None:
        """So much has been passed over since the connection began: runs of bytes that are neither RTSP nor media, and
        frames of channels that nobody set up."""
        self._strays, self._unknown = strays, unknown

    def heard(self, size: int) -> None:
        """One datagram or frame of RTCP, of so many bytes."""
        self.reports += 1 + size // REPORT_SIZE

    def _next_second(self, now: int) -> None:
        passed = (now - self._begun) / NS_PER_S
        share = self._busy / (now - self._begun)
        useless = self._unknown + sum(
            count for track in self._tracks for why, count in track.counts.items() if why not in _NOTICED
        )
        # Those without anything in them are received, too.
        packets = useless + sum(track.received - track.counts.get("empty", 0) for track in self._tracks)
        packets_before, useless_before = self._before
        carried = packets - packets_before - (useless - useless_before)
        vain = useless - useless_before - USELESS_SHARE * carried
        if self._crowds.over(self.units / passed):
            raise Offence(f"the camera sends more than {MAX_UNITS} pictures or frames of sound in a second")
        if self._useless.over((useless - useless_before) / passed if vain > 0 else 0.0):
            raise Offence(
                f"the camera sends more than {MAX_USELESS} packets in a second that carry nothing of its media: "
                f"{self._reasons()}"
            )
        if self._packets.over((packets - packets_before) / passed):
            raise Offence(f"the camera sends more than {MAX_PACKETS} packets in a second")
        if self._reported.over(self.reports / passed):
            raise Offence(f"the camera sends more than {MAX_REPORTS} RTCP reports in a second")
        if self._shares.over(share):
            raise Offence(
                f"taking apart what the camera sends needs {share:.0%} of a processor "
                f"({self.units} pictures and frames of sound in a second)"
            )
        self._begun, self._busy, self._before = now, 0, (packets, useless)
        self._strays_before = self._strays
        self.messages = self.units = self.reports = 0

    def _reasons(self) -> str:
        counts = sorted(
            [(-self._unknown, "of channels that nobody set up")]
            + [(-count, why) for track in self._tracks for why, count in track.counts.items() if why not in _NOTICED]
        )
        return ", ".join(f"{-count} {reason}" for count, reason in counts[:3] if count)
