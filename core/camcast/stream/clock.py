"""Puts a stream's packets on one timeline: starts at 0, never goes back, keeps sound and picture together.

Rules, in the order they are applied:

1. All tracks share one offset, found at the first packet and kept for as long as timestamps continue.
2. A jump (back by more than `BACK`, or forward by more than `FORWARD` beyond the real time that passed) makes
   a new offset: the track goes on where it was plus the real time that passed. The first track to jump sets
   the offset; the other takes the same one, so they stay together. What follows may show that it was a few packets
   only that had wrong times: what goes on as if nothing had been gets the old offset again, also where the source
   has said that times begin anew.
3. A small step back is held at the previous time: decode time never falls within a track.
4. Composition time is never negative: where a clip has pts before dts, decode time moves earlier, the shown
   time stays.
"""

from __future__ import annotations

import attrs

from camcast.errors import MediaError
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet
from camcast.native.states import ClockState, LineState

_VIDEO = MediaKind.VIDEO
BACK = 500 * NS_PER_MS
FORWARD = 3 * NS_PER_S
NEAR = NS_PER_S
"""A track takes another's new offset when that puts it within this of where it was."""
MAX_SHIFT = 2 * NS_PER_S
"""Bound on rule 4, for damaged input."""
GOES_ON = NS_PER_S // 5
"""A time that real time explains so well goes on, also where the source has said that times begin anew."""
DOUBTFUL = 3 * NS_PER_S
"""After a jump, for so long those that follow may show that it was none."""
FARTHEST = 2**62
"""ns, 146 years. No clock's time is beyond this, whatever it counts from; numbers above come of a mistake."""


@attrs.define(eq=False)
class Line(LineState):
    """Where one track is."""

    offset: int
    source_dts: int
    dts: int
    arrival: int
    shift: int = 0
    step: int = 33 * NS_PER_MS
    _before: int | None = attrs.field(default=None, init=False, repr=False)
    """Where it was, while its next packet begins anew because the source says so."""

    def begin_anew(self) -> None:
        """What comes next does, whenever that is. Until then its place is out of reach, so that nothing goes on from
        there by the short way; for other tracks that stays open."""
        if self._before is None:
            self._before, self.source_dts = self.source_dts, FARTHEST

    def begins_anew(self) -> bool:
        """Whether it does, now that a packet has come; it is where it was again."""
        if self._before is None:
            return False
        self.source_dts, self._before = self._before, None
        return True


@attrs.define(eq=False)
class Doubt:
    """Whether a jump was one: where its track was before."""

    kind: MediaKind
    source_dts: int
    arrival: int
    offset: int
    step: int
    common: int
    """The clock's own offset then."""
    count: int = 1
    """Packets of the track since then."""


@attrs.define(eq=False)
class Clock(ClockState):
    """One stream's clock stage. `jumps` counts new offsets, `held` packets whose decode time was held."""

    jumps: int = 0
    held: int = 0
    broken: set[Doubt] = attrs.field(factory=set, init=False)
    """Doubts that are open. None = the short way can be taken."""
    _video: Line | None = attrs.field(default=None, init=False)
    _audio: Line | None = attrs.field(default=None, init=False)
    _offset: int | None = attrs.field(default=None, init=False)

    def discontinuity(self) -> None:
        """The source says that its timestamps begin anew."""
        for line in (self._video, self._audio):
            if line is not None:
                line.begin_anew()

    def line(self, kind: MediaKind) -> Line | None:
        """Where the track of this kind is; the same object for ever, None before its first packet."""
        return self._video if kind is _VIDEO else self._audio

    def stamp(self, packet: Packet) -> Packet:
        """Move `packet` onto the timeline, in place; returns it. `arrival` must be set.

        Raises `MediaError` for times that are none: beyond `FARTHEST`.
        """
        kind = packet.track.kind
        line = self._video if kind is _VIDEO else self._audio
        if line is None:
            line = self._first(kind, packet)
        else:
            step = packet.dts - line.source_dts
            said = False
            if not 0 < step < NS_PER_S:
                _check(packet)
                said = line.begins_anew()
            if said or self.broken:
                self._look(line, packet, said)
            elif 0 < step < NS_PER_S:
                line.step = step
            elif _leaps(line, packet):
                self._doubt(None, line, packet)
        source_dts, offset = packet.dts, line.offset
        source_pts = packet.pts + offset
        line.source_dts = source_dts
        line.arrival = packet.arrival
        dts = source_dts + offset - line.shift
        if source_pts < dts:
            line.shift = min(line.shift + dts - source_pts, MAX_SHIFT)
            dts = source_pts
        if dts < line.dts:
            dts = line.dts
            self.held += 1
        line.dts = dts
        packet.dts = dts
        packet.pts = source_pts if source_pts >= dts else dts
        return packet

    def _first(self, kind: MediaKind, packet: Packet) -> Line:
        _check(packet)
        if self._offset is None:
            self._offset = -packet.dts
        line = Line(self._offset, packet.dts, max(0, packet.dts + self._offset), packet.arrival)
        other = self._video or self._audio
        if abs(packet.dts + self._offset) > MAX_SHIFT + FORWARD and other is not None:
            line.offset = other.dts - packet.dts
            line.dts = other.dts
        if kind is _VIDEO:
            self._video = line
        else:
            self._audio = line
        return line

    def _look(self, line: Line, packet: Packet, said: bool) -> None:
        """Not all is as usual: the source has said that times begin anew, or a jump is in doubt."""
        # Those of the other track as well, which may have ended with its jump.
        self.broken = {one for one in self.broken if packet.arrival - one.arrival <= DOUBTFUL}
        doubt = next((one for one in self.broken if one.kind is packet.track.kind), None)
        if doubt is not None:
            doubt.count += 1
        if doubt is not None and self._was_none(doubt, line, packet):
            self.broken.discard(doubt)
        elif self._begins_anew(line, packet) if said else _leaps(line, packet):
            self._doubt(doubt, line, packet)
        elif 0 < (step := packet.dts - line.source_dts) < NS_PER_S:
            line.step = step

    def _begins_anew(self, line: Line, packet: Packet) -> bool:
        """Whether the source's word is needed to explain its time, or the other track has moved by a little, which
        this one follows."""
        assert self._offset is not None
        return _misfit(line, packet, 0) > GOES_ON or 0 < abs(self._offset - line.offset) <= 2 * GOES_ON

    def _doubt(self, before: Doubt | None, line: Line, packet: Packet) -> None:
        """Jump, for the time being. Of several jumps in a row the first, `before`, is where it goes back to."""
        if before is None:
            assert self._offset is not None
            kind = packet.track.kind
            self.broken.add(Doubt(kind, line.source_dts, line.arrival, line.offset, line.step, self._offset))
        self._jump(line, packet)

    def _was_none(self, doubt: Doubt, line: Line, packet: Packet) -> bool:
        """Whether `packet` goes on where the track was before it jumped, rather than from where it jumped to."""
        if _misfit(doubt, packet, doubt.count) >= min(BACK, _misfit(line, packet, 1)):
            return False
        if self._offset == line.offset:
            self._offset = doubt.common
        line.offset = doubt.offset
        return True

    def _jump(self, line: Line, packet: Packet) -> None:
        due = line.dts + max(line.step, min(packet.arrival - line.arrival, 3600 * NS_PER_S))
        assert self._offset is not None
        if self._offset != line.offset and abs(packet.dts + self._offset - due) <= NEAR:
            line.offset = self._offset
            return
        self.jumps += 1
        line.offset = due - packet.dts + line.shift
        self._offset = line.offset


def _misfit(line: Line | Doubt, packet: Packet, count: int) -> int:
    """How far its time is from what real time explains, since the track was at `line` (ns); or from what so many
    packets explain, since they may arrive together. 0 = that is not asked."""
    passed = packet.dts - line.source_dts
    by_arrival = abs(passed - (packet.arrival - line.arrival))
    return min(by_arrival, abs(passed - count * line.step)) if count else by_arrival


def _leaps(line: Line, packet: Packet) -> bool:
    """Whether its time is not explained by that of the track's last packet."""
    step = packet.dts - line.source_dts
    return step < -BACK or step > FORWARD + max(0, packet.arrival - line.arrival)


def _check(packet: Packet) -> None:
    """Asked where a line begins and after each unusual step: usual ones lead nowhere."""
    for name, time in (("dts", packet.dts), ("pts", packet.pts), ("arrival", packet.arrival)):
        if not -FARTHEST < time < FARTHEST:
            raise MediaError(f"a packet's {name} is {time}, expected nanoseconds: at most 2**62 (146 years) either way")
