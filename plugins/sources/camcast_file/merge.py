"""Puts the packets of several tracks in the order of their decode times, whatever order the file has them in.

Fragmented MP4 has a second or ten of pictures, then the sound that belongs to them. No I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from camcast.media import NS_PER_S, MediaKind, Packet

MAX_SPAN = 12 * NS_PER_S
"""So much of one track is read while waiting for another; a fragment is seldom longer."""
MAX_BYTES = 24 * 1024 * 1024
MAX_WAIT = 2.0
"""Seconds spent at the end of a file that is still being written: a track whose packets have not come by then has
paused. No longer, for all of it comes as late; no shorter, for a fragment may be written piece by piece."""


class Merge:
    """`push` packets of each track in decode order, `take` them in common order."""

    def __init__(self, kinds: list[MediaKind], waited: Callable[[], float] = lambda: 0.0) -> None:
        """`waited`: seconds spent so far waiting for the file to grow."""
        self._tracks: dict[MediaKind, deque[tuple[Packet, float]]] = {kind: deque() for kind in kinds}
        self._waited = waited
        self._bytes = 0

    def push(self, packet: Packet) -> None:
        self._tracks[packet.track.kind].append((packet, self._waited()))
        self._bytes += len(packet.payload)

    def take(self, *, all_of_it: bool = False) -> list[Packet]:
        """What can go: all that nothing earlier can still come before; at the end of the file `all_of_it`."""
        tracks = list(self._tracks.values())
        taken: list[Packet] = []
        while True:
            filled = [track for track in tracks if track]
            if not filled or (len(filled) < len(tracks) and not all_of_it and not self._full(filled)):
                return taken
            earliest = min(filled, key=lambda track: track[0][0].dts)
            packet, _ = earliest.popleft()
            self._bytes -= len(packet.payload)
            taken.append(packet)

    def _full(self, filled: list[deque[tuple[Packet, float]]]) -> bool:
        """The missing track is not waited for any longer."""
        if self._bytes > MAX_BYTES:
            return True
        now = self._waited()
        return any(track[-1][0].dts - track[0][0].dts > MAX_SPAN or now - track[0][1] > MAX_WAIT for track in filled)
