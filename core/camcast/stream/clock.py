"""Puts a stream's packets on one timeline: starts at 0, never goes back, keeps sound and picture together.

Rules, in the order they are applied:

1. All tracks share one offset, found at the first packet and kept for as long as timestamps continue.
2. A jump (back by more than `BACK`, or forward by more than `FORWARD` beyond the real time that passed) makes
   a new offset: the track goes on where it was plus the real time that passed. The first track to jump sets
   the offset; the other takes the same one, so they stay together.
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


@attrs.define(eq=False)
class Clock(ClockState):
    """One stream's clock stage. `jumps` counts new offsets, `held` packets whose decode time was held."""

    jumps: int = 0
    held: int = 0
    broken: set[MediaKind] = attrs.field(factory=set, init=False)
    """Kinds whose next packet begins anew, because the source says so."""
    _video: Line | None = attrs.field(default=None, init=False)
    _audio: Line | None = attrs.field(default=None, init=False)
    _offset: int | None = attrs.field(default=None, init=False)

    def discontinuity(self) -> None:
        """The source says that its timestamps begin anew."""
        if self._video is not None:
            self.broken.add(MediaKind.VIDEO)
        if self._audio is not None:
            self.broken.add(MediaKind.AUDIO)

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
            if not 0 < step < NS_PER_S:
                _check(packet)
            if 0 < step < NS_PER_S and not self.broken:
                line.step = step
            elif (
                step < -BACK
                or step > FORWARD + max(0, packet.arrival - line.arrival)
                or (self.broken and kind in self.broken)
            ):
                self._jump(kind, line, packet)
            elif 0 < step < NS_PER_S:
                line.step = step
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

    def _jump(self, kind: MediaKind, line: Line, packet: Packet) -> None:
        self.broken.discard(kind)
        due = line.dts + max(line.step, min(packet.arrival - line.arrival, 3600 * NS_PER_S))
        assert self._offset is not None
        if self._offset != line.offset and abs(packet.dts + self._offset - due) <= NEAR:
            line.offset = self._offset
            return
        self.jumps += 1
        line.offset = due - packet.dts + line.shift
        self._offset = line.offset


def _check(packet: Packet) -> None:
    """Asked where a line begins and after each unusual step: usual ones lead nowhere."""
    for name, time in (("dts", packet.dts), ("pts", packet.pts), ("arrival", packet.arrival)):
        if not -FARTHEST < time < FARTHEST:
            raise MediaError(f"a packet's {name} is {time}, expected nanoseconds: at most 2**62 (146 years) either way")
