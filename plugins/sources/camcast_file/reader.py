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

import av
import av.error

from camcast.errors import SourceError
from camcast.media import NS_PER_S, MediaKind, Track
from camcast_file.batch import Batch
from camcast_file.container import Container
from camcast_file.lane import Lane
from camcast_file.rotation import rotations
from camcast_file.timeline import Timeline
from camcast_file.tracks import Tracks

if TYPE_CHECKING:
    from camcast.kinds import CodecKind

BATCH_PACKETS = 24
"""What is read ahead is memory that each source has for itself: 0.3 s of pictures and sound."""
BATCH_BYTES = 384 * 1024
PRIME_PACKETS = 400
"""How far to look for every track's parameter sets before playing begins with those that are known."""
PRIME_BYTES = 8 * 1024 * 1024


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
        self._loop = loop
        self._start_at = start_at
        self._lock = threading.Lock()
        self._container = Container(path, growing=growing)
        self._tracks = Tracks(path, codec)
        self._timeline = Timeline(path, self._tracks)
        self._stream: Iterator[Any] | None = None
        self._primed: Batch | None = None
        self._closed = False
        self._begin = 0
        """Where in the file the part at hand begins, and where in that the last packet did."""
        self._at = 0
        self._gone = Fraction(0)
        """Seconds of this pass that were parts before."""
        self._start = Fraction(0)
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
                if lane.parser.track is None:
                    self._tracks.note(f"{self.path}: its {lane.kind.value} cannot be read so far: {_why_not(lane)}")
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
        self._container.stop_waiting()
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
        return self._container.waited

    # --- one pass -----------------------------------------------------------------------------------------

    def _open_pass(self) -> None:
        self._container.open(self._begin)
        try:
            self._tracks.choose(self._container.av)
            self._tell_rotation()
        except BaseException:
            self._close()
            raise
        self._timeline.begin(self._container.av.format.name, self._waited)
        if self._start_at:
            self._seek()
        self._stream = iter(self._container.av.demux(*self._followed()))

    def _followed(self) -> list[Any]:
        return [self._container.av.streams[index] for index in (*self._lanes, *self._tracks.left_out)]

    def _tell_rotation(self) -> None:
        try:
            angles = rotations(self.path, self._container.av.format.name)
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
        container = self._container.av
        begin = container.start_time or 0
        try:
            for raw in itertools.islice(container.demux(*self._followed()), PRIME_PACKETS):
                if (lane := self._lanes.get(raw.stream_index)) is not None and lane.first is None and raw.size:
                    lane.dated(raw)
                if all(lane.first is not None for lane in self._lanes.values()):
                    break
            container.seek(begin + round(self._start_at * 1_000_000), backward=True, any_frame=False)
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
            if changed := self._container.changed_before(raw.pos):
                self._at = changed
                self._next_part(batch)
                return 0
        size = int(raw.size)
        self._timeline.add(lane, raw, batch)
        return size

    def _next_part(self, batch: Batch) -> None:
        """The file goes on with other tracks: as if it were another file, whose times follow."""
        if not self._at or self._container.growing:
            raise SourceError(
                f"{self.path}: it goes on with other tracks than it begins with: cut it there", fatal=True
            )
        self._timeline.flush(batch)
        self._close()
        self._begin, self._at = self._begin + self._at, 0
        self._gone += self._timeline.lasted()
        self._timeline.joint = self._timeline.ends()
        self._open_pass()

    def _end_pass(self, batch: Batch) -> None:
        self._timeline.flush(batch)
        self._begin = self._at = 0
        self.length, self._gone = self._gone + self._timeline.lasted(), Fraction(0)
        self._close()
        if not self._timeline.useful:
            # Reading it again and again would bring nothing either.
            raise SourceError(f"{self.path}: holds not one packet that can be used", fatal=True)
        self._timeline.useful = 0
        if not self._loop or self.length <= 0:
            batch.ended = True
            return
        self._timeline.joint = None
        self._start += self.length
        self._timeline.start_ns = round(self._start * NS_PER_S)
        self._open_pass()

    def _close(self) -> None:
        self._stream = None
        self._container.close()


def _why_not(lane: Lane) -> str:
    if lane.first is None and not lane.waiting:
        return "nothing of it has come yet"
    return lane.refusal or "nothing says how it is to be decoded, as its parameter sets have not come"
