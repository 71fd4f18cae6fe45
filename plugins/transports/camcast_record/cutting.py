"""Where one file ends and the next begins: at a keyframe, when it is long enough or cannot carry what comes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from camcast.media import MediaKind, Packet, Track


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

    def next(self, packet: Packet, time: int) -> Cut:
        """`time`: its decode time in ms."""
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

    def end(self) -> None:
        """The file has been ended; the next begins as the first did."""
        self._begun = None

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
