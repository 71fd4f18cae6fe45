"""From a sender's packets to a source's sink: which tracks there are, and whose clock holds. A clock is passed in.

Nothing is kept but what waits for the tracks to be known, which is bounded. A sender whose tracks change all the time
raises `effort.TooMuch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import thread_time

from camcast.contracts import MediaSink
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Track
from camcast_kit_ingest.effort import Effort
from camcast_kit_ingest.pace import Pace

SETTLE = NS_PER_S
"""ns for which the first track waits for another one that may come."""
PICTURE = 4 * NS_PER_S
"""The same for sound whose sender has said that there is a picture: without it, there is little to show."""
MAX_HELD = 512
"""Packets that wait meanwhile."""
HELD_BACK = 500 * NS_PER_MS
"""A time that falls by less is held; one that falls by more begins anew."""


class Intake:
    """Of one source. `sink` gets what comes; `note` is told what an operator should know."""

    def __init__(self, sink: MediaSink, note: Callable[[str, str], object], timestamps: str = "auto") -> None:
        """`timestamps`: "auto" (the sender's, unless its clock is wrong), "camera" or "arrival"."""
        self._sink = sink
        self._note = note
        self._timestamps = timestamps
        self._pace = Pace()
        self._expected: set[MediaKind] = set(MediaKind)
        self._wait = SETTLE
        self._first: int | None = None
        self._held: list[Packet | None] = []
        """None = times begin anew."""
        self._effort = Effort(0.0)
        self._newest: dict[MediaKind, Track] = {}
        self._dts: dict[MediaKind, int] = {}
        """Of the last packets, ns."""
        self._said: dict[MediaKind, int] = {}
        """The same, as the sender has it."""
        self._told: dict[MediaKind, str] = {}
        self.settled = False
        """Whether the tracks are known."""
        self.packets = 0
        """That have gone on."""
        self.sending_on = 0.0
        """CPU seconds that their sink took for them."""

    def begin(self) -> None:
        """A sender begins: nothing of the one before holds any more."""
        self._pace = Pace()
        self._effort = Effort(0.0)
        self._expected, self._wait = set(MediaKind), SETTLE
        self._first, self.settled = None, False
        self._newest.clear()
        self._dts.clear()
        self._said.clear()
        self._held.clear()
        if self.packets:
            self._sink.discontinuity()

    def expect(self, kinds: Iterable[MediaKind]) -> None:
        """The sender says what it has; whatever that is, media goes on without what does not come."""
        self._expected = set(kinds) or self._expected
        if MediaKind.VIDEO in self._expected and MediaKind.VIDEO not in self._newest:
            self._wait = PICTURE

    def give_up(self, kind: MediaKind) -> None:
        """Nothing that can be used will come of it."""
        self._expected.discard(kind)

    def settle(self, now: int) -> None:
        """Have those tracks be all that have come, where no other has for long enough. `now`: as `arrival`."""
        if not self.settled and self._first is not None and now - self._first >= self._waits():
            self._go_on()

    def _waits(self) -> int:
        return SETTLE if MediaKind.VIDEO in self._newest else self._wait

    def time(self, kind: MediaKind, media: int, arrival: int) -> int:
        """The decode time, ns, that holds for a unit at `media` on the sender's clock. `arrival`: monotonic."""
        if self._timestamps == "camera":
            return media
        if self._timestamps == "auto" and not self._pace.wrong:
            if kind is not MediaKind.VIDEO or not self._pace.look(media, arrival):
                return media
            speed = f"{self._pace.speed:.2g} times the real speed"
            self._note("clock_wrong", f"the sender's clock runs at {speed}; times of arrival are taken instead")
            self._break()
        return arrival

    def packet(self, packet: Packet, arrival: int) -> None:
        """Take the next one of its kind. Raises `effort.TooMuch`."""
        kind = packet.track.kind
        if packet.track is not self._newest.get(kind):
            self._effort.changed(arrival / NS_PER_S)
        last, said = self._dts.get(kind), self._said.get(kind, packet.dts)
        self._said[kind] = packet.dts
        if last is not None and packet.dts <= last:
            # By what the sender said: where its clock stands, what we made of that is ahead of it soon.
            if said - packet.dts > HELD_BACK:
                self._break()
            else:
                # No two units have one time: many that come after would take one of them for a mistake.
                packet.dts = last + NS_PER_MS
                packet.pts = max(packet.pts, packet.dts)
        self._dts[kind] = packet.dts
        self._newest[kind] = packet.track
        if self.settled:
            if self._told.get(kind) != packet.track.codec:
                self._tell({one: track for one, track in self._newest.items() if one in self._told or one is kind})
            self._give(packet)
            return
        if self._first is None:
            self._first = arrival
        self._held.append(packet)
        if self._expected <= {one.track.kind for one in self._held if one is not None} or len(self._held) >= MAX_HELD:
            self._go_on()
        else:
            self.settle(arrival)

    def _break(self) -> None:
        # In its place among those that wait.
        if self._held:
            self._held.append(None)
        else:
            self._sink.discontinuity()
        self._dts.clear()
        self._said.clear()

    def _go_on(self) -> None:
        self.settled = True
        held, self._held = self._held, []
        tracks = {packet.track.kind: packet.track for packet in reversed(held) if packet is not None}
        if tracks and {kind: track.codec for kind, track in tracks.items()} != self._told:
            self._tell(tracks)
        for packet in held:
            if packet is None:
                self._sink.discontinuity()
            else:
                self._give(packet)

    def _tell(self, tracks: dict[MediaKind, Track]) -> None:
        self._told = {kind: track.codec for kind, track in tracks.items()}
        self._sink.tracks([tracks[kind] for kind in MediaKind if kind in tracks])

    def _give(self, packet: Packet) -> None:
        self.packets += 1
        began = thread_time()
        self._sink.packet(packet)
        self.sending_on += thread_time() - began
