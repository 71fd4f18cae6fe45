"""What one attempt has under way, and what that says about its path. Pure: figures and clock are handed in.

Each unit leaves a mark: where it ends in the transport's stream of bytes, its time, when it was sent. A look at the
transport says how far the peer has acknowledged, and how far the bytes have left this machine:

    0 .......... done ............. left ............. end
      settled         on their way       wait here

**Lag** is what waits here, in seconds of media: only that says that a link is slower than its stream. How much is on
its way says nothing but how far away the peer is: on an unlimited link to another continent it is half a second of
media, for ever. Where a transport cannot tell the two apart, everything that is not acknowledged counts, less what the
path's own round trip explains.

A queue of seconds can also stand in a modem on the way, which shows as answers that all come later than they once did.
Beyond `STANDING` the link counts as behind as well.
"""

from __future__ import annotations

import attrs

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind
from camcast.native.states import LedgerState
from camcast.stream.marks import END, SENT, TIME, Mark, Marks
from camcast.stream.path import MAX_ROUND_TRIP, Departures, PathQueue, Rate, RoundTrip, opening

RESUME = 0.2
"""Seconds of lag below which video resumes at a keyframe: what a busy loop or a large picture causes by itself."""
STANDING = 2.0
"""Seconds of a queue on the way that are borne: pictures come so much later. Networks have moments that are worse than
their usual ones, and to leave pictures out for each of them would be worse than being late."""
STANDING_RESUME = 1.0
"""Seconds of it below which video resumes."""
AUDIO_FACTOR = 2.0
"""Sound is dropped only at this much more than the picture: it is small, and its gaps are heard."""
AUDIO_PATIENCE = 4.0
"""Likewise for the seconds that wait here. What sound waits for is pictures that were sent before it: on a link that
falls to a quarter at one blow they take four times as long as was thought, and then sound catches up at once."""
KEYFRAMES = 1.5
"""The bound is never below the time that this many of the largest keyframes take. If it were, a link just fast enough
for its stream would lose pictures after every keyframe."""
KEYFRAME_FADES = 0.9
"""What counts of the largest keyframe when another has come."""
ASK = NS_PER_S * 3 // 10
"""Media time in ns after which the transport is asked again at the latest while something waits here: a few system
calls, so not for each unit, but well within the bound of 0.7 s."""
ASK_BYTES = 256 * 1024
"""Likewise, bytes sent since."""
CALM = NS_PER_S * 3 // 5
"""The same two where nothing waited: what has begun to wait since is found within the bound all the same. More than
passes between two looks at the peer, for these are of use here too."""
CALM_BYTES = 1024 * 1024
PATH_BYTES = 16 * 1024 * 1024
"""Bytes that distance may explain: 200 Mbit/s over 600 ms. Beyond them is a queue, and every queue has a bound."""
ROOM = 128 * 1024
"""Bytes that may wait here during a replay: enough to keep 10 Mbit/s busy for the 0.1 s between two questions to the
kernel, and little enough to be gone soon when the replay is given up."""


@attrs.frozen
class Limits:
    """The bounds of one outlet."""

    seconds: float = 0.7
    """Seconds of media that may wait."""
    bytes: int = 4 * 1024 * 1024
    """Bytes that may wait."""
    replay_seconds: float = 2.0
    """Time for the replay; 0 = no replay: begin at the next keyframe."""
    replay_bytes: int = 4_000_000
    """A larger group of pictures is not replayed."""


@attrs.define(eq=False)
class Ledger(LedgerState):
    """One attempt's account. `end` and `marks` are moved on by the sender itself, as that happens for each unit."""

    limits: Limits
    end: int = attrs.field(default=0, init=False)
    """Where the newest unit ends."""
    marks: Marks = attrs.field(factory=Marks, init=False)
    """Of what is not acknowledged, oldest first."""
    estimated: bool = attrs.field(default=False, init=False)
    """The transport does not say where units end: `end` is the sum of their own sizes."""
    headers_end: int = attrs.field(default=0, init=False)
    """Where the newest header ends."""
    delivered: bool = attrs.field(default=False, init=False)
    """Whether the peer has acknowledged media: more than a handshake and headers."""
    clear_until: int = attrs.field(default=-1, init=False)
    """While `end`, and the next unit's dts in ns, are not above these, the link cannot be over its bounds, even if
    nothing has gone since the last look."""
    clear_before: int = attrs.field(default=-1, init=False)
    trip: float = attrs.field(default=0.0, init=False)
    """Seconds from a send to its acknowledgement, of the newest that was acknowledged; 0 = none was."""
    _round_trip: RoundTrip = attrs.field(factory=RoundTrip, init=False)
    _rate: Rate = attrs.field(factory=Rate, init=False)
    _path_queue: PathQueue = attrs.field(factory=PathQueue, init=False)
    _departures: Departures = attrs.field(factory=Departures, init=False)
    _waited: bool = attrs.field(default=False, init=False)
    """Whether anything waited at the last look."""
    _largest: int = attrs.field(default=0, init=False)
    _done: int = attrs.field(default=0, init=False)
    _left: int | None = attrs.field(default=None, init=False)
    """None = the transport does not tell."""
    _oldest: Mark | None = attrs.field(default=None, init=False)
    """Of what waits here, at the last look."""
    _clear_bytes: int = attrs.field(init=False)
    _clear_time: int = attrs.field(init=False)
    """What `clear_until` and `clear_before` gain when nothing waits."""

    def __attrs_post_init__(self) -> None:
        self._clear_bytes = min(CALM_BYTES, self.limits.bytes)
        self._clear_time = min(CALM, int(self.limits.seconds * NS_PER_S))

    def limit(self, limits: Limits) -> None:
        """Other bounds from now on; the next unit is looked at by them."""
        self.limits = limits
        self.clear_until = self.clear_before = -1
        self.__attrs_post_init__()

    # --- what it is told ------------------------------------------------------------------------------------

    def keyframe(self, size: int) -> None:
        """A keyframe of `size` bytes has come."""
        self._largest = max(size, int(self._largest * KEYFRAME_FADES))

    def look(self, now: float, done: int, unsent: int | None) -> Mark | None:
        """Settle what the peer has acknowledged, and return the newest such mark.

        `done`: how far in the stream of bytes it has. `unsent`: bytes that have not left, None = the transport does not
        tell them from those on their way.
        """
        self._done = done
        self._left = None if unsent is None else max(done, self.end - unsent)
        marks = self.marks
        newest = marks.settle(done)
        if newest is not None:
            self.trip = now - newest[SENT]
            self._round_trip.see(self.trip, now)
            self._path_queue.see(now - self._departures.of(newest[END], newest[SENT]), now)
            if not marks:
                self._path_queue.clear()
            self.delivered = self.delivered or newest[END] > self.headers_end
        if self._left is not None:
            self._departures.see(self._left, self.end, now)
        self._oldest = self._first_unsent() if marks else None
        waits = self._oldest is not None and self.lag(now) > 0
        if self._oldest is None and (last := marks[-1] if marks else newest) is not None and not self._queued():
            self._clear(last[TIME] * NS_PER_MS)
        if waits or self._waited:
            self._rate.see(self.gone, done, now, self._round_trip.shortest or 0.0, waits=waits)
            self._waited = waits
        return newest

    def behind(self, kind: MediaKind, dts: int, now: float) -> bool:
        """Whether the link is over its bounds, so that the next unit, at `dts` ns, must be left out."""
        oldest = self._oldest
        factor, patience = (AUDIO_FACTOR, AUDIO_PATIENCE) if kind is MediaKind.AUDIO else (1.0, 1.0)
        # Where only what is acknowledged is known, all that is not counts as waiting here anyway.
        if self._queued(factor):
            return True
        if oldest is None:
            if not self._queued():
                self._clear(dts)
            return False
        bound, bytes_bound, waits = self.bound(now), self._bytes_bound(), self.waiting_bytes(now)
        if self.lag(now, dts) > bound * patience or waits > bytes_bound * factor:
            return True
        self.clear_until = self.end + min(ASK_BYTES, bytes_bound - waits)
        # From here on the clock of the stream tells, which is a ms off at most.
        over = oldest[TIME] * NS_PER_MS + int((bound + self._explained(now)) * NS_PER_S) - NS_PER_MS
        self.clear_before = min(dts + ASK, over)
        return False

    # --- what it says ---------------------------------------------------------------------------------------

    @property
    def acknowledged(self) -> int:
        """How far in the stream of bytes the peer has acknowledged, as of the last look."""
        return self._done

    @property
    def gone(self) -> int:
        """How far in the stream of bytes has left, or has been acknowledged where only that is known."""
        return self._done if self._left is None else self._left

    def lag(self, now: float, dts: int | None = None) -> float:
        """Seconds of media that wait here, as of the last look; `dts`: if a unit at that time (ns) were sent now.

        Never more than the oldest of it has waited: a burst from a source is not a slow link.
        """
        oldest = self._oldest
        if oldest is None:
            return 0.0
        newest = self.marks[-1][TIME] if dts is None else dts // NS_PER_MS
        waited = min((newest - oldest[TIME]) / 1000, now - oldest[SENT])
        return max(0.0, waited - self._explained(now))

    def waiting_bytes(self, now: float) -> int:
        """Bytes that wait here, as of the last look."""
        pending = self.end - self.gone
        if self._left is not None:
            return pending
        since = now - self._explained(now)
        late = next((mark[END] - self._done for mark in reversed(self.marks) if mark[SENT] < since), 0)
        return max(late, pending - PATH_BYTES)

    def waiting(self, now: float) -> float:
        """Seconds since the oldest unit was sent that the peer has not acknowledged whole; 0 = there is none."""
        return now - self.marks[0][SENT] if self.marks else 0.0

    def bound(self, now: float) -> float:
        """Seconds that may wait: never below what the largest keyframe needs.

        That is at the measured rate, and in the round trips that a connection takes until its window is open for it.
        """
        rate = self._rate.value
        at_rate = KEYFRAMES * self._largest / rate if rate else 0.0
        return max(self.limits.seconds, at_rate, self.opening(self._largest, now))

    def caught_up(self, now: float, dts: int | None = None) -> bool:
        """Whether the link has caught up, so that video may go on with a unit at `dts`.

        What a window that opens and closes leaves behind for a round trip is not being behind.
        """
        if self._left is not None and not self._path_queue.gone(STANDING_RESUME, now):
            return False
        return self.lag(now, dts) < max(RESUME, min(self.round_trip(now), self.bound(now) / 2))

    def room(self) -> bool:
        """Whether a replay may go on."""
        # What is only known to be under way is bounded as TCP opens its window: by as much as was acknowledged.
        opened = max(0, self._done) if self._left is None else 0
        return self.end - self.gone <= ROOM + opened

    def opening(self, size: int, now: float) -> float:
        """Seconds until the connection's window is open for `size` bytes, by what is known of the path."""
        shortest = self._round_trip.shortest
        return opening(size, self.round_trip(now) if shortest is None else shortest)

    def round_trip(self, now: float) -> float:
        """The path's own, in seconds; before anything was acknowledged, as long as that has taken so far."""
        lately = self._round_trip.lately
        if lately is not None:
            return lately
        oldest = self._oldest
        here = self._left is not None and oldest is not None and self.marks and self.marks[0][END] == oldest[END]
        return 0.0 if here else min(self.waiting(now), MAX_ROUND_TRIP)

    # --- inside ---------------------------------------------------------------------------------------------

    def _queued(self, factor: float = 1.0) -> bool:
        """Whether a queue stands on the way that is too long."""
        return self._left is not None and self._path_queue.seconds > STANDING * factor

    def _clear(self, dts: int) -> None:
        """Nothing waits, and the stream is at `dts` ns."""
        self.clear_until = self.end + self._clear_bytes
        self.clear_before = dts + self._clear_time

    def _first_unsent(self) -> Mark | None:
        """The oldest mark of what waits here, and of what is on its way where nobody can tell."""
        if self._left is None:
            return self.marks[0]
        oldest = None
        # From the end: what waits here is little, and what is on its way may be much.
        for mark in reversed(self.marks):
            if mark[END] <= self._left:
                break
            oldest = mark
        return oldest

    def _explained(self, now: float) -> float:
        """Seconds that the way explains of what `_oldest` is part of."""
        return self.round_trip(now) if self._left is None else 0.0

    def _bytes_bound(self) -> int:
        return max(self.limits.bytes, 2 * self._largest)
