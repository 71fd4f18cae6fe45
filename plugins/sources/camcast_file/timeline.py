"""From FFmpeg's packets to ours, on the one line of times that `FileReader` has rules for.

Parsed by each lane's codec, displayed when the file says or the order of pictures does, without what an edit list
leaves out, and merged in the order of their decode times.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from camcast.errors import MediaError, SourceError
from camcast.media import MediaKind, Packet
from camcast_file.batch import Batch
from camcast_file.display import DisplayTimes
from camcast_file.lane import MAX_PREROLL, Lane
from camcast_file.merge import Merge
from camcast_file.tracks import Tracks

OUTSIDE = "outside the edit list"
_NO_DISPLAY_TIMES = {"avi"}
"""FFmpeg makes some up: a constant distance to the decode times."""
_FEW_TIMES = {"mpeg"}
"""Several pictures may share a packet of a programme stream, of which the first alone has its times."""


class Timeline:
    """Of one file; its lanes are those of `tracks`."""

    def __init__(self, path: Path, tracks: Tracks) -> None:
        self._path = path
        self._tracks = tracks
        self._merge = Merge([])
        self._no_display_times = self._few_times = False
        self.start_ns = 0
        """When the pass or part at hand begins."""
        self.joint: int | None = None
        """When the part at hand is to begin (ns), until its first packet tells by which clock."""
        self.useful = 0
        """Packets that could be used."""

    def begin(self, formats: str, waited: Callable[[], float]) -> None:
        """Another pass or part, its tracks chosen. `formats` as FFmpeg names the container; `waited`: see `Merge`."""
        names = set(formats.split(","))
        lanes = self._tracks.lanes.values()
        ordered = all(lane.codec.order for lane in lanes if lane.kind is MediaKind.VIDEO)
        self._few_times = ordered and bool(names & _FEW_TIMES)
        self._no_display_times = self._few_times or bool(names & _NO_DISPLAY_TIMES)
        self._merge = Merge([lane.kind for lane in lanes], waited)

    def add(self, lane: Lane, raw: Any, batch: Batch) -> None:
        """One packet of FFmpeg's; what it makes ready goes into `batch`. Raises `SourceError`."""
        dts, pts, last = raw.dts, raw.pts, lane.last
        if dts is not None and pts is not None and last is not None:
            lane.step, lane.last = raw.duration or max(0, dts - last), dts
            self._parse(lane, raw, dts, pts, batch)
        else:
            for packet, dts, pts in lane.dated(raw):
                self._parse(lane, packet, dts, pts, batch)
        batch.packets += self._merge.take()

    def flush(self, batch: Batch) -> None:
        """The pass or part has ended: what waits in the lanes goes on."""
        for lane in self._tracks.lanes.values():
            # Shorter than the wait for a decode time: show them in the order they came.
            early, lane.waiting = lane.waiting, []
            for number, raw in enumerate(early):
                dts = number * lane.fallback
                lane.first, lane.last, lane.step = lane.first or 0, dts, lane.fallback
                self._parse(lane, raw, dts, dts if raw.pts is None else raw.pts, batch)
            for packet in lane.display.flush() if lane.display is not None else ():
                self._push(lane, packet)
            for packet in lane.flushed():
                self._merge.push(packet)
        batch.packets += self._merge.take(all_of_it=True)

    def lasted(self) -> Fraction:
        """Seconds of the part at hand."""
        return max((lane.length for lane in self._tracks.lanes.values()), default=Fraction(0))

    def ends(self) -> int:
        """When the part at hand is over (ns)."""
        return self.start_ns + max((lane.ns(lane.end) for lane in self._tracks.lanes.values()), default=0)

    def _parse(self, lane: Lane, raw: Any, dts: int, pts: int | None, batch: Batch) -> None:
        if raw.has_sidedata("new_extradata"):
            self._switch(lane, raw)
        if raw.has_sidedata("encryption_info"):
            raise SourceError(
                f"{self._path}: its {lane.kind.value} is encrypted (Common Encryption): it cannot be played without "
                "its key; decrypt it first",
                fatal=True,
            )
        if self.joint is not None:
            self.start_ns, self.joint = self.joint - lane.ns(dts), None
        start = self.start_ns
        known = pts is not None and not self._no_display_times
        time = lane.ns(dts) + start
        told = lane.ns(pts) - lane.ns(dts) if pts is not None and self._few_times else None
        try:
            packet = lane.parser.parse(bytes(raw), time, lane.ns(pts) + start if pts is not None and known else time)
        except MediaError as error:
            lane.refusal = lane.refusal or str(error)
            batch.drop(lane.kind, "damaged")
            return
        if packet is not None:
            self.useful += 1
            for each in [packet] if known or lane.kind is MediaKind.AUDIO else self._display(lane, packet, told):
                self._shown(lane, raw, each, batch)

    def _display(self, lane: Lane, packet: Packet, told: int | None) -> list[Packet]:
        """Packets whose display time is known, where the file has none, or few: `told` is how much later than its
        decode time this one is shown."""
        reorder = packet.track.reorder
        if lane.display is None and not reorder:
            return [packet]
        try:
            if lane.display is None:
                if lane.codec.order is None:
                    raise MediaError(f"nothing tells in which order {lane.codec.name} pictures are shown")
                lane.display = DisplayTimes(lane.codec.order(packet.track), reorder, told)
            return lane.display.push(packet)
        except MediaError as error:
            raise SourceError(
                f"{self._path}: this file holds no display times, and its pictures are not in display order ({error}): "
                "put it into MP4 or Matroska with its times",
                fatal=True,
            ) from error

    def _shown(self, lane: Lane, raw: Any, packet: Packet, batch: Batch) -> None:
        """Hand a packet on, unless it is there for decoding only."""
        if raw.is_discard:
            if len(lane.preroll) < MAX_PREROLL:
                lane.preroll.append(packet)
            else:
                batch.drop(lane.kind, OUTSIDE)
            return
        if lane.preroll:
            count = len(lane.preroll) + 1
            ready = lane.after_preroll(packet)
            for _ in range(count - len(ready)):
                batch.drop(lane.kind, OUTSIDE)
            # A pass begins with what is played first.
            lane.first = int((ready[0].dts - self.start_ns) * lane.divisor // lane.scale)
        else:
            ready = [packet]
        for each in ready:
            self._push(lane, each)

    def _push(self, lane: Lane, packet: Packet) -> None:
        others = [one for one in self._tracks.lanes.values() if one is not lane and one.given is not None]
        for each in lane.settled(packet) if others else [lane.spaced(packet)]:
            self._merge.push(each)
        if lane.doubtful and all(one.doubtful for one in others):
            # All are elsewhere, so that is where the file goes on.
            for one in (lane, *others):
                for each in one.flushed():
                    self._merge.push(each)

    def _switch(self, lane: Lane, raw: Any) -> None:
        """The container announces new parameter sets out of band."""
        data = bytes(raw.get_sidedata("new_extradata"))
        if data and data != lane.extradata:
            lane.extradata = data
            lane.parser = lane.codec.parser(data)
            lane.display = None
