"""Reads packets out of a media file, pass after pass, on one timeline that never steps.

Rules of the timeline:
- decode and presentation times are rounded once from the container's own ticks, so nothing adds up;
- packets go on in the order of their decode times, whatever order the file has its tracks in;
- display times that the file does not have are taken from the pictures' own order, never made up;
- a pass is as long as its longest track, (last dts + last duration) - first dts, kept as a fraction of a second;
  all tracks begin the next pass together, so sound and picture stay as they are over any number of passes;
- the file is opened anew for each pass: seeking back is not exact in every container.

Everything here blocks and runs in a reading thread.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import av
import av.error

from camcast.errors import MediaError, SourceError
from camcast.media import NS_PER_S, MediaKind, Packet, Track
from camcast_file.display import DisplayTimes
from camcast_file.growing import GrowingFile
from camcast_file.lane import MAX_PREROLL, Lane
from camcast_file.merge import Merge
from camcast_file.rest import RestOfFile
from camcast_file.rotation import rotations
from camcast_file.tracks import KINDS, Tracks

if TYPE_CHECKING:
    from camcast.kinds import CodecKind

BATCH_PACKETS = 24
"""What is read ahead is memory that each source has for itself: 0.3 s of pictures and sound."""
BATCH_BYTES = 384 * 1024
PRIME_PACKETS = 400
"""How far to look for every track's parameter sets before playing begins with those that are known."""
PRIME_BYTES = 8 * 1024 * 1024

_OPEN_OPTIONS = {
    # Only this file: a playlist inside it must not make FFmpeg open sockets.
    "protocol_whitelist": "file,crypto,data",
    "analyzeduration": "1000000",
}
_FULL = {"probesize": "262144"}
_BRIEF = {"probesize": "32"}
"""The least FFmpeg takes. Where the container's header says all (mp4), FFmpeg need not decode pictures to find out
what the codecs' own parsers read anyway: that is ten times cheaper, for each pass."""
_LEAN = {**_BRIEF, "codec_whitelist": "none", "fflags": "+noparse"}
"""Neither opens FFmpeg's decoders nor runs its parsers: 300 KB less for each open file. For codecs whose samples in mp4
are whole access units; others (MP3 in mov) are cut by FFmpeg's parser."""
_TELLING = {"mov", "mp4"}
_WHOLE = {"h264", "hevc", "av1", "libdav1d", "aac"}
OUTSIDE = "outside the edit list"
_NO_DISPLAY_TIMES = {"avi"}
"""FFmpeg makes some up: a constant distance to the decode times."""
_FEW_TIMES = {"mpeg"}
"""Several pictures may share a packet of a programme stream, of which the first alone has its times."""


@attrs.define(eq=False)
class Batch:
    """What one read brought. `dropped` counts what was left out, by kind and reason."""

    packets: list[Packet] = attrs.field(factory=list)
    dropped: dict[tuple[MediaKind, str], int] = attrs.field(factory=dict)
    ended: bool = False

    def drop(self, kind: MediaKind, reason: str) -> None:
        self.dropped[kind, reason] = self.dropped.get((kind, reason), 0) + 1


class FileReader:
    """One file, read in small batches. One call at a time."""

    def __init__(
        self,
        path: Path,
        codec: Callable[[str], CodecKind],
        *,
        loop: bool = False,
        start_at: float = 0.0,
        growing: bool = False,
    ) -> None:
        """`growing`: the file may still be written; its end is waited for."""
        self.path = path
        self._growing = growing
        self._file: GrowingFile | None = None
        self._loop = loop
        self._start_at = start_at
        self._lock = threading.Lock()
        self._container: Any = None
        self._way = _LEAN
        self._tracks = Tracks(path, codec)
        self._merge = Merge([])
        self._no_display_times = self._few_times = False
        self._stream: Iterator[Any] | None = None
        self._primed: Batch | None = None
        self._closed = False
        self._rest: RestOfFile | None = None
        self._begin = 0
        """Where in the file the part at hand begins, and where in that the last packet did."""
        self._at = 0
        self._gone = Fraction(0)
        """Seconds of this pass that were parts before."""
        self._joint: int | None = None
        """When the part at hand is to begin (ns), until its first packet tells by which clock."""
        self._start = Fraction(0)
        self._start_ns = 0
        self._useful = 0
        self.length = Fraction(0)
        """Seconds from the last pass to the next; known at the end of a pass."""

    @property
    def notes(self) -> list[str]:
        """What an operator should know about this file."""
        return self._tracks.notes

    @property
    def _lanes(self) -> dict[int, Lane]:
        return self._tracks.lanes

    def open(self) -> list[Track]:
        """Open the file and read until each track is known. Raises `SourceError`."""
        with self._held():
            self._open_pass()
            self._primed = batch = Batch()
            size = 0
            while not batch.ended and len(batch.packets) < PRIME_PACKETS and size < PRIME_BYTES:
                if all(lane.parser.track is not None for lane in self._lanes.values()):
                    break
                size += self._read_one(batch)
            tracks = [lane.parser.track for lane in self._lanes.values()]
            found = [track for track in tracks if track is not None]
            if not found:
                self._close()
                seen = ", ".join(f"{count} {kind.value} {reason}" for (kind, reason), count in batch.dropped.items())
                seen += "".join(f"; {lane.refusal}" for lane in self._lanes.values() if lane.refusal)
                raise SourceError(
                    f"{self.path}: no track shows its parameter sets within {size} bytes ({seen or 'none seen'})",
                    fatal=True,
                )
            for lane in self._lanes.values():
                if lane.parser.track is None and lane.refusal:
                    self._tracks.note(f"{self.path}: its {lane.kind.value} cannot be read so far: {lane.refusal}")
            return found

    def read(self, packets: int = BATCH_PACKETS, size: int = BATCH_BYTES) -> Batch:
        """The next packets, at least one unless the file has ended. Raises `SourceError`."""
        with self._held():
            batch = self._primed or Batch()
            self._primed, waited = None, self._waited()
            while not batch.ended and not self._closed:
                # What is read at the end of a file that grows is played now, and not once there is a batch of it.
                if batch.packets and (len(batch.packets) >= packets or size <= 0 or self._waited() > waited):
                    break
                size -= self._read_one(batch)
            return batch

    def close(self) -> None:
        """Close the file, now or as soon as a call in another thread is done. Never waits."""
        self._closed = True
        if (growing := self._file) is not None:
            # Whoever waits for more of it stops waiting.
            growing.closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            if self._closed:
                self.close()

    def _waited(self) -> float:
        """Seconds spent so far at the end of a file that is being written."""
        return 0.0 if self._file is None else self._file.waited

    # --- one pass -----------------------------------------------------------------------------------------

    def _open_pass(self) -> None:
        try:
            self._container = self._open_container()
            if self._way is _LEAN and (way := _way_for(self._container)) is not _LEAN:
                self._close()
                self._way = way
                self._container = self._open_container()
        except FileNotFoundError:
            raise SourceError(f"{self.path}: there is no such file") from None
        except PermissionError:
            raise SourceError(f"{self.path}: this file may not be read by this user") from None
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise SourceError(
                f"{self.path}: not a media file that FFmpeg can read ({error.__class__.__name__}: "
                f"{getattr(error, 'strerror', '') or error})",
                fatal=True,
            ) from error
        try:
            self._tracks.choose(self._container)
            self._tell_rotation()
        except BaseException:
            self._close()
            raise
        names = set(self._container.format.name.split(","))
        ordered = all(lane.codec.order for lane in self._lanes.values() if lane.kind is MediaKind.VIDEO)
        self._few_times = ordered and bool(names & _FEW_TIMES)
        self._no_display_times = self._few_times or bool(names & _NO_DISPLAY_TIMES)
        self._merge = Merge([lane.kind for lane in self._lanes.values()], self._waited)
        if self._start_at:
            self._seek()
        self._stream = iter(self._container.demux(*self._followed()))

    def _open_container(self) -> Any:
        options = {**_OPEN_OPTIONS, **self._way}
        if self._begin:
            self._rest = RestOfFile(self.path, self._begin)
            return av.open(self._rest, options=options)
        if not self._growing:
            return av.open(f"file:{self.path}", options=options)
        if self._file is not None:
            self._file.close()
        self._file = GrowingFile(self.path)
        return av.open(self._file, options=options)

    def _followed(self) -> list[Any]:
        return [self._container.streams[index] for index in (*self._lanes, *self._tracks.left_out)]

    def _tell_rotation(self) -> None:
        try:
            angles = rotations(self.path, self._container.format.name)
        except OSError:
            return
        for index, lane in self._lanes.items():
            if lane.kind is MediaKind.VIDEO and index < len(angles) and angles[index]:
                self._tracks.note(
                    f"{self.path}: its picture is meant to be turned by {angles[index]}°, which no stream can say: "
                    "it is shown unturned unless it is encoded anew"
                )

    def _seek(self) -> None:
        """Go to `start_at`, in the first pass only. The file's true beginning is looked up before, for its length."""
        begin = self._container.start_time or 0
        try:
            for raw in itertools.islice(self._container.demux(*self._followed()), PRIME_PACKETS):
                if (lane := self._lanes.get(raw.stream_index)) is not None and lane.first is None and raw.size:
                    lane.dated(raw)
                if all(lane.first is not None for lane in self._lanes.values()):
                    break
            self._container.seek(begin + round(self._start_at * 1_000_000), backward=True, any_frame=False)
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{self.path}: cannot start at {self._start_at:g} s: {error}", fatal=True) from error
        for lane in self._lanes.values():
            lane.last, lane.waiting = None, []
        self._start_at = 0.0

    def _read_one(self, batch: Batch) -> int:
        """Read one packet into `batch`, or what it makes ready; returns its size."""
        assert self._stream is not None
        try:
            raw: Any = next(self._stream, None)
        except IndexError:
            # PyAV has no place for streams that begin in mid-file: another recording was put behind this one.
            self._next_part(batch)
            return 0
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{self.path}: reading failed: {getattr(error, 'strerror', '') or error}") from error
        if raw is None:
            self._end_pass(batch)
            return 0
        if raw.size == 0:
            # PyAV ends its iteration with an empty packet per stream.
            return 0
        lane = self._lanes.get(raw.stream_index)
        if lane is None:
            batch.drop(self._tracks.left_out[raw.stream_index], "unsupported codec")
            return 0
        if raw.pos is not None:
            self._at = raw.pos
        dts, pts, last, size = raw.dts, raw.pts, lane.last, raw.size
        if dts is not None and pts is not None and last is not None:
            lane.step, lane.last = raw.duration or max(0, dts - last), dts
            self._parse(lane, raw, dts, pts, batch)
        else:
            for packet, dts, pts in lane.dated(raw):
                self._parse(lane, packet, dts, pts, batch)
        batch.packets += self._merge.take()
        return int(size)

    def _parse(self, lane: Lane, raw: Any, dts: int, pts: int | None, batch: Batch) -> None:
        if raw.has_sidedata("new_extradata"):
            self._switch(lane, raw)
        if raw.has_sidedata("encryption_info"):
            raise SourceError(
                f"{self.path}: its {lane.kind.value} is encrypted (Common Encryption): it cannot be played without "
                "its key; decrypt it first",
                fatal=True,
            )
        if self._joint is not None:
            self._start_ns, self._joint = self._joint - lane.ns(dts), None
        start = self._start_ns
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
            self._useful += 1
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
                f"{self.path}: this file holds no display times, and its pictures are not in display order ({error}): "
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
            lane.first = int((ready[0].dts - self._start_ns) * lane.divisor // lane.scale)
        else:
            ready = [packet]
        for each in ready:
            self._merge.push(lane.spaced(each))

    def _switch(self, lane: Lane, raw: Any) -> None:
        """The container announces new parameter sets out of band."""
        data = bytes(raw.get_sidedata("new_extradata"))
        if data and data != lane.extradata:
            lane.extradata = data
            lane.parser = lane.codec.parser(data)
            lane.display = None

    def _next_part(self, batch: Batch) -> None:
        """The file goes on with other tracks: as if it were another file, whose times follow."""
        if not self._at or self._growing:
            raise SourceError(
                f"{self.path}: it goes on with other tracks than it begins with: cut it there", fatal=True
            )
        self._flush(batch)
        self._close()
        self._begin, self._at = self._begin + self._at, 0
        self._gone += self._lasted()
        self._joint = self._start_ns + max((lane.ns(lane.end) for lane in self._lanes.values()), default=0)
        self._open_pass()

    def _lasted(self) -> Fraction:
        """Seconds of the part at hand."""
        return max((lane.length for lane in self._lanes.values()), default=Fraction(0))

    def _flush(self, batch: Batch) -> None:
        """What waits in the lanes goes on."""
        for lane in self._lanes.values():
            # Shorter than the wait for a decode time: show them in the order they came.
            early, lane.waiting = lane.waiting, []
            for number, raw in enumerate(early):
                dts = number * lane.fallback
                lane.first, lane.last, lane.step = lane.first or 0, dts, lane.fallback
                self._parse(lane, raw, dts, dts if raw.pts is None else raw.pts, batch)
            for packet in lane.display.flush() if lane.display is not None else ():
                self._merge.push(lane.spaced(packet))
        batch.packets += self._merge.take(all_of_it=True)

    def _end_pass(self, batch: Batch) -> None:
        self._flush(batch)
        self._begin = self._at = 0
        self.length, self._gone = self._gone + self._lasted(), Fraction(0)
        self._close()
        if not self._useful:
            # Reading it again and again would bring nothing either.
            raise SourceError(f"{self.path}: holds not one packet that can be used", fatal=True)
        self._useful = 0
        if not self._loop or self.length <= 0:
            batch.ended = True
            return
        self._joint = None
        self._start += self.length
        self._start_ns = round(self._start * NS_PER_S)
        self._open_pass()

    def _close(self) -> None:
        self._stream = None
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._rest is not None:
            self._rest.close()
            self._rest = None


def _way_for(container: Any) -> dict[str, str]:
    """How much FFmpeg has to do for this file."""
    if _TELLING.isdisjoint(container.format.name.split(",")):
        return _FULL
    streams = [stream for stream in container.streams if stream.type in KINDS]
    known = all(stream.codec_context is not None and stream.codec_context.name in _WHOLE for stream in streams)
    return _LEAN if known else _BRIEF
