"""Hands a feed's packets to the sink, each when its decode time has come."""

from __future__ import annotations

import asyncio

from camcast.contracts import MediaSink
from camcast.errors import MediaError
from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet, Track
from camcast_file.feeds import Feed
from camcast_file.native import PlayerState, extension
from camcast_file.options import FileOptions
from camcast_file.pacer import Pacer, Turn

LATE = NS_PER_S
"""Later than this (a slow disk, a suspended machine), play on from here instead of catching up in a burst."""
AHEAD = 32 * NS_PER_MS
"""So much before its time sound goes along with what is due, since being woken costs more than a message. Pictures come
at their times: of these a viewer sees whether they do."""
GAP = 60 * NS_PER_S
"""A step forward beyond this within one track is a break in the file, not a pause to wait for; unless it only comes
to where the other track is."""
BACK = NS_PER_S // 2
FARTHEST = 2**62
"""No decode time is farther from 0, ns (146 years)."""


class Player(PlayerState):
    """Plays one feed once. All on the loop."""

    def __init__(self, sink: MediaSink, pacer: Pacer, options: FileOptions) -> None:
        self._sink = sink
        self._pacer = pacer
        self._options = options
        self._speed = options.speed
        self._feed: Feed | None = None
        self._tracks: dict[MediaKind, Track] = {}
        self._last: dict[MediaKind, int] = {}
        self._next: Packet | None = None
        self._started = False
        self._origin = 0
        """Decode time that is due at `_anchor`."""
        self._anchor = 0
        self._front = 0
        """The latest decode time played."""
        self._bursting = True
        self._turn: Turn | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set at the end of the feed, or holds its error."""
        self.behind = 0
        """How often playing fell behind by more than `LATE` and went on from there."""

    def start(self, feed: Feed) -> None:
        """Begin to play; `done` tells the end."""
        self._feed = feed
        self._tracks = {track.kind: track for track in feed.tracks}
        self._sink.tracks(feed.tracks)
        self.wake()

    def wake(self) -> None:
        """Go on after the feed had nothing."""
        if self._feed is not None and self._turn is None and not self.done.done():
            self._turn = self._pacer.add(self._pacer.now(), self._step)

    def stop(self) -> None:
        """Hand over nothing more."""
        self._feed = None
        if self._turn is not None:
            self._turn.cancel()

    def _step(self, now: int) -> int | None:
        try:
            return self._play_due(now)
        except Exception as error:  # noqa: BLE001 - raised where the source runs
            self._finish(error)
            return None

    def _play_due(self, now: int) -> int | None:
        feed, sink, speed = self._feed, self._sink, self._speed
        if feed is None:
            return None
        while True:
            packet = self._next or feed.take()
            if packet is None:
                self._dry()
                return None
            dts, track = packet.dts, packet.track
            if packet is not self._next:
                self._place(packet, now)
            ahead = dts - self._origin
            due = self._anchor + (ahead if speed == 1.0 else int(ahead / speed))
            if due > (now + AHEAD if track.kind is MediaKind.AUDIO else now):
                self._bursting = False
                self._next = packet
                return due
            # A track that is behind the other one is late by itself; the playing is not.
            if now - due > LATE and dts >= self._front and not self._bursting:
                self.behind += 1
                self._anchor += now - due
            self._next = None
            self._last[track.kind] = dts
            if dts > self._front:
                self._front = dts
            if self._tracks.get(track.kind) is not track:
                self._retrack(track)
            packet.arrival = now
            sink.packet(packet)

    def _dry(self) -> None:
        """There is nothing more for now, or for ever."""
        self._turn = None
        if self._feed is not None and self._feed.ended:
            self._finish(self._feed.error)

    def _place(self, packet: Packet, now: int) -> None:
        """Begin the timeline at the first packet, and again after a break in the file. Raises `MediaError`."""
        if abs(packet.dts) > FARTHEST:
            raise MediaError(f"a packet's decode time is {packet.dts}, expected nanoseconds: at most 2**62 either way")
        if not self._started:
            self._started = True
            self._origin, self._anchor = packet.dts, now - round(self._options.burst * NS_PER_S)
            self._front = packet.dts
            return
        last = self._last.get(packet.track.kind)
        if last is None or any(-BACK <= packet.dts - place <= GAP for place in (last, self._front)):
            return
        self._sink.discontinuity()
        self._origin, self._anchor, self._bursting = packet.dts, now, False
        self._front = packet.dts
        self._last.clear()

    def _retrack(self, track: Track) -> None:
        """A changed track travels with its packets; one of a new kind is announced."""
        known = track.kind in self._tracks
        self._tracks[track.kind] = track
        if not known:
            self._sink.tracks(list(self._tracks.values()))

    def _finish(self, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


step_in_python = Player._step
"""The Python form, also where the C form runs."""

if extension is not None:
    extension.player(in_python=step_in_python, audio=MediaKind.AUDIO, late=LATE, ahead=AHEAD, gap=GAP, back=BACK)
    Player._step = extension.PlayerState._step  # type: ignore[method-assign]
