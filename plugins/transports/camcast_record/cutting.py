"""Where one file ends and the next begins: at a keyframe, when it is long enough or cannot carry what comes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from camcast.media import MediaKind, Packet, Track
from camcast_record.gate import Timed


class Cut(Enum):
    """What is to be done with a packet."""

    GO_ON = "go on"
    BEGIN = "begin"
    """It is the first of a new file."""
    LEAVE_OUT = "leave out"
    """No file can take it: there is none yet that a decoder could begin with, or it needs other parameters."""


class Cutter:
    """Of one recording. `length`: seconds of media in a file, at least."""

    def __init__(self, tracks: Sequence[Track], length: float) -> None:
        self.tracks = {track.kind: track for track in tracks}
        """As the next file is to carry them."""
        self._length = length * 1000
        self._carried: dict[MediaKind, Track] = {}
        self._begun: int | None = None
        self._picture: Track | None = None
        """What the file carries and what comes, where that is the same; None = look at each. Likewise `_sound`."""
        self._sound: Track | None = None

    def usual(self, units: Sequence[Timed], begin: int, last: int, hole: int) -> tuple[int, int]:
        """Where those of `units` end that from `begin` on are as nearly all are, and the latest time up to there.

        `next` would say of each that it goes on, and learn nothing from it; and none comes more than `hole` ms after
        `last` or those before it."""
        picture, sound = self._picture, self._sound
        for number in range(begin, len(units)):
            packet, time = units[number]
            track = packet.track
            if not (track is sound or (track is picture and not packet.keyframe)) or time - last > hole:
                return number, last
            if time > last:
                last = time
        return len(units), last

    def next(self, packet: Packet, time: int) -> Cut:
        """`time`: its decode time in ms."""
        cut = self._next(packet, time)
        picture = self.tracks.get(MediaKind.VIDEO)
        # Without pictures a file may end at any packet.
        usual = picture is not None and self._begun is not None and not self._changed()
        self._picture = picture if usual else None
        self._sound = self.tracks.get(MediaKind.AUDIO) if usual else None
        return cut

    def end(self) -> None:
        """The file has been ended; the next begins as the first did."""
        self._begun = self._picture = self._sound = None

    def _next(self, packet: Packet, time: int) -> Cut:
        kind = packet.track.kind
        self.tracks[kind] = packet.track
        # Where there are pictures, a file begins with one that stands alone.
        begins = packet.keyframe and (kind is MediaKind.VIDEO or MediaKind.VIDEO not in self.tracks)
        if begins and (self._begun is None or time - self._begun >= self._length or self._changed()):
            self._begun, self._carried = time, dict(self.tracks)
            return Cut.BEGIN
        if self._begun is None or not _alike(self._carried.get(kind), packet.track):
            return Cut.LEAVE_OUT
        return Cut.GO_ON

    def _changed(self) -> bool:
        return any(not _alike(self._carried.get(kind), track) for kind, track in self.tracks.items())


def _alike(one: Track | None, other: Track) -> bool:
    """Whether one file carries both as one track."""
    if one is None or one is other:
        return one is other
    return (one.codec, one.config, one.width, one.height, one.sample_rate, one.channels) == (
        other.codec,
        other.config,
        other.width,
        other.height,
        other.sample_rate,
        other.channels,
    )
