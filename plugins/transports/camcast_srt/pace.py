"""How fast an SRT link is fed, where it is too thin for its stream. Pure: counts and clock are handed in.

libsrt sends live media at the pace at which it gets it, whatever the link carries, and sends again on top what is lost.
On a link that is too thin, hardly one picture arrives whole, while everything is acknowledged in the end and nothing
waits that would tell. The share of packets that the receiver reports as lost tells: measured over 150 ms with a latency
of 600 ms, 23 % where a link has just room for its stream, 57 % with four fifths of that, 82 % with half.

Whether it is too thin says libsrt's own estimate too, from pairs of packets that are sent together and come apart by
the time that one takes on the wire. After a moment without link, all that was lost is sent again at once, overflows the
queues on the way and is lost once more: for some ten seconds, on a link with a tenth more room than its stream. Most
pictures arrive there, and to hold back costs more than it brings. So a link that seems to carry what it is given is
left alone for `LONG`.

So what the link was seen to carry becomes the pace at which libsrt is handed media. The rest waits with us, where it
counts as the link being behind: whole groups of pictures are left out, and the others arrive, as over TCP. A link that
merely loses packets loses as many at any pace, and is not held back for it.

A long queue on the way loses nothing, and comes to the same: what arrives later than the latency covers is thrown away
by a receiver, which never says so. Less is sent until the queue is gone, and then what the link was seen to carry while
the queue grew. One that stays as it is, however little is sent, is not ours, or the way has become longer (`lasting`).
"""

from __future__ import annotations

from math import ceil

import attrs

from camcast_srt.standing import Standing

WINDOW = 0.5
"""Seconds over which a share is taken."""
ONCE = 0.7
"""Of the losses that are reported: a receiver reports one again each time round, until it is made good. Measured, 1.35
to 1.55 times on links of 0.6 and 1.1 of the stream's rate, 150 and 600 ms long."""
MUCH = 0.15
"""Share of what was sent, repeats included. With less the latency that is usual makes all of it good."""
ENOUGH = 6
"""Windows in a row at least, and as many as `Counts.covers`: what a link loses that was away for a moment is reported
at once, when it is back, and lost again where all of it is sent at once."""
LONG = 30
"""Likewise where it seems to carry what it is given: a link that throws away what is above its rate, without a queue,
lets pairs pass as if it were wide."""
THIN = 0.8
"""Of what a link is given, that it seems to carry where it is thin: keyframes make a few seconds uneven."""
FEW = 0.03
"""Share of losses with which a link has room, if it usually loses less than half of that."""
USUAL = 0.125
"""Weight of a window in what a link usually loses."""
LATE = 0.25
"""Seconds by which all is later than the latency covers, that are a queue: for as many windows, because what waited
while a link was away is late as well when it is back."""
LATE_PATIENCE = 30
"""Windows in which a queue may still grow although less is sent."""
LASTING = 2
"""Times in a row that less made a queue no shorter, after which it is not what is sent that makes it."""
LESS = 0.25
"""Of the pace, that is tried while a queue is to become shorter."""
EMPTIES = 0.5
"""Likewise, of what the link carries, at most."""
ROOM = 0.9
"""Of what a link was seen to carry: the rest is for repeats, and for the queue on the way to become empty."""
LOWER = 0.7
"""Of its pace, that a link is given at least after a window with losses, as one window says little."""
LEAST = 0.05
"""Of the pace that was needed, below which none is set."""
HOLD = 8
"""Windows without losses before more is tried; after that `AGAIN` before more again."""
AGAIN = 2
FIRST_STEP, LAST_STEP = 0.04, 0.3
"""By how much more at a time: twice as much each time, for a link that is wide again should not be held back; and the
first one near the pace that was too much."""
NEAR = (0.8, 1.2)
FREE = 20
"""Windows in which nothing had to wait, after which the link may have what it is given."""
NO_USE = 4
"""Windows with much loss after which it is not the pace, beyond those after which it is lowered once more."""
NO_USE_SECONDS = 60.0
"""Until that is tried again."""


@attrs.frozen
class Counts:
    """libsrt's own, of the whole connection, in packets."""

    sent: int
    lost: int
    """Reported as that by the receiver."""
    under_way: int
    """Not acknowledged, now."""
    answers: int = 0
    """Acknowledgements that came."""
    late: float = 0.0
    """Seconds by which what is sent is acknowledged later than after the shortest round trip and the latency."""
    took: float = 0.0
    """Seconds from sending to acknowledgement."""
    covers: float = 0.0
    """Seconds in which something that was lost may be made good: the latency, and the way of what asks for it."""
    handed: int = 0
    """Bytes on the wire, without repeats."""
    carries: float = 0.0
    """bytes/s on the wire that the link seems to carry; 0 = not known."""


def lost_share(before: Counts, after: Counts) -> float:
    """Of what was sent in between."""
    return min(1.0, max(0, after.lost - before.lost) / max(1, after.sent - before.sent))


def bears(before: Counts, after: Counts, seconds: float) -> float:
    """Of what was sent in between, what a link carries whose queue grows: it becomes longer by what it does not."""
    return min(1.0, max(LEAST, 1.0 - (after.late - before.late) / seconds))


def arrived(before: Counts, after: Counts) -> int:
    """Packets in between, about.

    What neither was lost nor is under way; where libsrt takes for under way also what was lost, until it is made good
    or given up. Over a long way with hardly any room a link seemed to carry a tenth of what it did.
    """
    sent = after.sent - before.sent
    lost = min(float(sent), ONCE * (after.lost - before.lost))
    under_way = (after.under_way - before.under_way) * (1 - lost / max(1, sent))
    return max(0, round(sent - lost - under_way))


@attrs.define(eq=False)
class Pace:
    """Of one connection. Times are seconds of any clock that only goes forward."""

    payload: int
    """Bytes of the stream in a packet."""
    limit: float | None = attrs.field(default=None, init=False)
    """bytes/s at which libsrt may be handed media; None = as it comes."""
    share: float = attrs.field(default=0.0, init=False)
    """Lost of what was sent in the last window."""
    queued: bool = attrs.field(default=False, init=False)
    """Whether nothing is lost, but all comes too late."""
    lasting: bool = attrs.field(default=False, init=False)
    """Whether that stays so however little is sent: only a new connection has another idea of what is late."""
    _standing: Standing = attrs.field(factory=Standing, init=False)
    _last: tuple[float, Counts] | None = attrs.field(default=None, init=False)
    _began: tuple[float, Counts] | None = attrs.field(default=None, init=False)
    """Before the present windows with much loss. Losses are told of in lumps, so one window says little."""
    _bad: int = attrs.field(default=0, init=False)
    """Windows in a row with much loss, or in which all came too late. `_good`: with little."""
    _good: int = attrs.field(default=0, init=False)
    _unused: int = attrs.field(default=0, init=False)
    """Windows in a row in which nothing waited."""
    _usual: float = attrs.field(default=0.0, init=False)
    """Mean share lost where it was not much: so much gets lost at any pace, and a lower one is of no use."""
    _step: float = attrs.field(default=FIRST_STEP, init=False)
    _too_much: float = attrs.field(default=0.0, init=False)
    """The pace at which the link was last seen to be too thin."""
    _carried: float = attrs.field(default=0.0, init=False)
    """What the link was seen to carry, while its queue is emptied; 0 = none is."""
    _needed: float = attrs.field(default=0.0, init=False)
    """The pace when it was first seen."""
    _no_use: int = attrs.field(default=0, init=False)
    """Windows with much loss since the pace is lower, or was raised. `_still_late`: in which all came too late."""
    _still_late: int = attrs.field(default=0, init=False)
    _not_before: float = attrs.field(default=0.0, init=False)
    _patience: int = attrs.field(default=ENOUGH, init=False)
    """Windows with much loss until it is known for what it is."""

    def due(self, now: float) -> bool:
        """Whether a look is due."""
        return self._last is None or now >= self._last[0] + WINDOW

    @property
    def impaired(self) -> bool:
        """Whether so much is lost, and has been for so long, that the receiver can hardly show a picture."""
        covers = self._last[1].covers if self._last is not None else 0.0
        return self._bad >= max(ENOUGH, ceil(covers / WINDOW))

    @property
    def certain(self) -> bool:
        """Whether so much is lost for so long that it will not be over by itself."""
        return self._bad >= self._patience

    def look(self, counts: Counts, waited: bool, now: float) -> None:
        """Take a look. `waited`: something had to wait for its turn in this window."""
        last, self._last = self._last, (now, counts)
        if last is None or counts.sent <= last[1].sent:
            self._bad, self._began, self._good = 0, None, 0
            return
        self.share = lost_share(last[1], counts)
        # While a link is away all is late as well, and given up by libsrt; but nobody answers, so that is no queue.
        answered = counts.answers > last[1].answers
        self.queued = self.share <= FEW and counts.late > LATE and answered
        if self.queued or self.share >= MUCH:
            self._bad, self._began, self._good = self._bad + 1, self._began or last, 0
        else:
            self._bad, self._began = 0, None
            self._good = self._good + 1 if self.share <= max(FEW, 2 * self._usual) else 0
            self._usual += USUAL * (self.share - self._usual)
        self._unused = 0 if waited else self._unused + 1
        since, before = self._began or last
        per_packet = self.payload / (now - since)
        given = (counts.handed - before.handed) / (now - since)
        # At a pace of ours pairs come apart by that.
        bears_it = self.limit is None and not self.queued and counts.carries > THIN * given > 0
        self._patience = max(LONG if bears_it else ENOUGH, ceil(counts.covers / WINDOW))
        if self.limit is None:
            if self.certain and now >= self._not_before:
                self._no_use = 0
                self._needed = (counts.sent - before.sent) * per_packet
                if self.queued:
                    self._empty(LESS * self._needed, self._needed * bears(before, counts, now - since))
                else:
                    seen = arrived(before, counts) * per_packet
                    # Repeats that were lost as well make what arrived seem less.
                    self._too_much = seen if bears_it else max(seen, counts.carries)
                    self._set(ROOM * self._too_much)
        elif self._bad:
            self._worse(before, counts, now - since, now)
        elif not self._good:
            self._lower(ROOM * arrived(before, counts) * per_packet)
        elif self._carried:
            self._too_much, self._carried = self._carried, 0.0
            self._set(max(self.limit, ROOM * self._too_much))
        elif self._unused >= FREE:
            self.limit = None
        elif self._good >= HOLD and waited:
            self._raise(self.limit)

    def _worse(self, before: Counts, counts: Counts, seconds: float, now: float) -> None:
        """Much is lost, or late, although the pace is lower."""
        assert self.limit is not None
        if self.queued and self._carried:
            self._still_late += counts.late >= before.late
            stands = self._standing.see(counts.late, counts.took, now)
            self.lasting = self.lasting or self._standing.times >= LASTING
            if stands or self._still_late >= LATE_PATIENCE:
                self._still_late = 0
                self._lower(LESS * self.limit, LESS)
            return
        if self.queued:
            # One that has grown at this pace, or that losses have left behind.
            if self.impaired:
                self._empty(self.limit, self.limit * bears(before, counts, seconds))
            return
        self._no_use += 1
        if self._no_use >= self._patience + NO_USE:
            self.limit, self._no_use, self._carried = None, 0, 0.0
            self._not_before = now + NO_USE_SECONDS
        elif self._no_use == self._patience:
            self._lower(ROOM * arrived(before, counts) * self.payload / seconds, LEAST)

    def _empty(self, limit: float, carried: float) -> None:
        """Let a queue become shorter, at that pace at most, on a link that carries so much."""
        self._standing.clear()
        self._still_late, self._carried = 0, carried
        self._set(min(limit, EMPTIES * carried))

    def _lower(self, limit: float, least: float = LOWER) -> None:
        """A lower pace, but not lower than that part of the present one."""
        assert self.limit is not None
        self._too_much = self.limit
        self._set(min(self.limit, max(limit, least * self.limit)))

    def _raise(self, limit: float) -> None:
        self._no_use = 0
        near = NEAR[0] * self._too_much <= limit <= NEAR[1] * self._too_much
        self._step = FIRST_STEP if near else min(LAST_STEP, 2 * self._step)
        self.limit = limit * (1 + self._step)
        self._good = HOLD - AGAIN

    def _set(self, limit: float) -> None:
        self.limit = max(limit, LEAST * self._needed, float(self.payload))
        self._step, self._unused, self._began = FIRST_STEP, 0, None


@attrs.define(eq=False)
class Turns:
    """Who may go now: so many bytes a second, in small bursts."""

    burst: float = 0.05
    """Seconds of the pace that may go at once."""
    _left: float = attrs.field(default=0.0, init=False)
    _at: float = attrs.field(default=0.0, init=False)

    def take(self, size: int, limit: float, now: float) -> bool:
        """Whether `size` bytes may go, which they then count as having done."""
        self._left = min(self._left + limit * (now - self._at), max(self.burst * limit, float(size)))
        self._at = now
        if self._left < size:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """So much did not go after all."""
        self._left += size
