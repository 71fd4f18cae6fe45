"""Whether a peer is alive: it acknowledges what is sent. A rule without I/O, with the clock passed in.

* A peer is dead when something is under way and nothing of it has been acknowledged for the whole stall timeout.
  Bytes that the kernel has accepted show nothing: at 1 Mbit/s a cut link goes unnoticed for 12 s by them.
* With nothing under way there is nothing to acknowledge, so that is no stall, however long it lasts.
* Silence begins with the last acknowledgement, or when the oldest of what waits was sent, if that was later. The
  acknowledgement itself is seen up to one look late; the earlier moment counts, so that a stall is never noticed later
  than its timeout and one look.
* A path has a round trip of its own. Nothing is acknowledged sooner than that, so a timeout shorter than `TRIPS` of
  them waits for those instead: a link by satellite (600 ms) is slow to answer and not dead.
"""

from __future__ import annotations

import attrs

LOOK = 0.5
"""Seconds between two looks, once media flows: each is system calls, and more of Python than ten messages take."""
TRIPS = 3.0
"""Round trips that an acknowledgement may always take."""
LONGEST_TRIP = 1.5
"""Seconds that count as a round trip, at most: what took longer was a fault and not the path. `TRIPS` of them are less
than the usual stall timeout, which therefore stands as it is on every path."""
FADE = 0.97
"""What is left at each look of the longest time that something lately took."""
SUSPICION = 0.6
"""Part of the stall timeout after which a silence is suspicious: the next target is connected, just in case."""


@attrs.frozen
class Stall:
    """The peer has acknowledged nothing for too long."""

    pending: int
    """Bytes under way."""
    silent: float
    """Seconds since the last acknowledgement, or since the oldest of them was sent."""

    def __str__(self) -> str:
        return f"stalled: {self.pending} bytes sent and none acknowledged for {self.silent:.1f} s"


@attrs.define(eq=False)
class Liveness:
    """Of one connection. Times are seconds of any clock that only goes forward."""

    stall_timeout: float
    _acked: int = attrs.field(alias="acked")
    """What the transport counts as acknowledged when media begins: what came before is none."""
    _looked: float = attrs.field(alias="now")
    """Time of the last look."""
    trip: float = 0.0
    """What an acknowledgement lately took on this path, seconds. To begin with: what an answer took."""
    begun: float | None = attrs.field(default=None, init=False)
    """Time of the look that found the first acknowledgement."""
    _floor: float = attrs.field(init=False)
    """Silence cannot have begun before this."""
    _since: float = attrs.field(init=False)
    """When the present silence began."""
    _waited: float = attrs.field(default=0.0, init=False)
    """How long the oldest had waited at the last look."""
    _pending: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._floor = self._since = self._looked

    def rest(self, acked: int, now: float) -> None:
        """Nothing of the media has been sent yet: what is acknowledged until now is none of it."""
        self._acked = acked
        self._floor = self._since = self._looked = now

    def look(self, acked: int, pending: int, waiting: float, now: float) -> Stall | None:
        """Take a look; returns the stall if there is one.

        `acked` and `pending` are bytes as the transport counts them. `waiting` is how many seconds ago the oldest was
        sent that is not acknowledged; 0 = not known.
        """
        if acked != self._acked:
            self._acked = acked
            if self.begun is None:
                self.begun = now
            self._learn()
            self._floor = max(self._looked, now - LOOK)
            self._since = now
        self._looked, self._pending, self._waited = now, pending, waiting
        if pending <= 0:
            self._floor = self._since = now
            return None
        if waiting > 0:
            self._since = max(self._floor, now - waiting)
        silent = now - self._since
        return Stall(pending, silent) if silent >= self._timeout else None

    @property
    def waited(self) -> float:
        """Seconds that the oldest had waited at the last look; 0 = nothing did, or it is not known."""
        return self._waited

    def due(self) -> float:
        """When a look would find something new if nothing were acknowledged until then: that the silence is
        suspicious, then that it is a stall; inf with nothing under way.

        The first as well, since a short timeout may be over before the next look would come by itself.
        """
        if self._pending <= 0:
            return float("inf")
        return self._suspicious_at if self._looked < self._suspicious_at else self._since + self._timeout

    def suspicious(self, now: float) -> bool:
        """Whether the present silence has lasted long enough to prepare for the worst."""
        return self._pending > 0 and now >= self._suspicious_at

    @property
    def _suspicious_at(self) -> float:
        return self._since + SUSPICION * self._timeout

    @property
    def _timeout(self) -> float:
        return max(self.stall_timeout, TRIPS * min(self.trip, LONGEST_TRIP))

    def _learn(self) -> None:
        """What waited at the last look is acknowledged now, or a part of it: so long it took, at least."""
        if self._pending > 0:
            self.trip = max(self._waited, self.trip * FADE)
