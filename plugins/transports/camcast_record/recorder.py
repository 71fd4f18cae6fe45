"""What writes one recording: files cut at keyframes, their index, and what follows when one is complete.

All of it blocks and runs on one thread, the lane of a transport; nothing here knows the loop.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from camcast.contracts import Segment
from camcast.errors import NetworkError
from camcast.media import Track
from camcast_record.cutting import Cut, Cutter
from camcast_record.durable import make_folder, sync_folder
from camcast_record.gate import Timed, came
from camcast_record.naming import FileName
from camcast_record.options import RecordOptions
from camcast_record.segment import SegmentWriter
from camcast_record.shelf import Shelf
from camcast_record.sweep import Sweeper, Tell
from camcast_record.upload import available

_ROOM = 1 << 20
"""Bytes that must be free to begin with."""
_HOLE = 2000
"""ms without media that are a gap in a recording."""


@attrs.define(eq=False)
class _Open:
    """The file that is being written."""

    writer: SegmentWriter
    begin: float
    """`time.time()` of its first unit."""
    first: int
    """Decode time of that, ms; `last`: of its newest."""
    last: int

    @property
    def end(self) -> float:
        return self.begin + (self.last - self.first) / 1000


class Recorder:
    """One attempt's. `done` is called with each complete file, and `note` with what is to be told, on the thread."""

    def __init__(
        self,
        name: FileName,
        label: str,
        options: RecordOptions,
        sweeper: Sweeper,
        done: Callable[[Segment], object],
        note: Tell,
    ) -> None:
        self._name = name
        self._options = options
        self._done = done
        self._note = note
        self._sweeper = sweeper
        self.shelf = Shelf(sweeper.archive, label)
        self._cutter: Cutter | None = None
        self._open: _Open | None = None
        self._earlier: str = "nothing was recorded"
        """Why there is nothing between the file before and the next one; "" = that is as it should be."""
        self.bytes = 0
        """Written into complete files; `segments`: how many those are; `left_out`: units that no file could take."""
        self.segments = 0
        self.left_out = 0
        self.taken = 0
        """Units that were given to `write` and of which it is known what became."""
        self.error: Exception | None = None
        """The first that a write or the end failed with."""
        self.ended = False
        """Whether its thread has come to its end."""

    # --- on the thread ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Whether there is a folder that takes files. Changes nothing. Raises `TransportError`, `OSError`."""
        archive = self.shelf.archive
        if not archive.is_dir():
            # A disk that is plugged in again, or a mount that comes late, brings it: so it is looked for soon.
            raise NetworkError(
                f"the folder {archive} is not there; create or mount it, or change the output's url or `archive`",
                stage="connect",
            )
        there = self._name.folder
        while not there.exists():
            there = there.parent
        if not os.access(there, os.W_OK | os.X_OK):
            raise NetworkError(f"nothing may be written in {there}; change its owner or its mode", stage="connect")
        # Where sweeping may make room, that comes first.
        if not self._sweeper.due:
            self._look_for_room("connect")
        if self._options.upload:
            available()

    def begin(self, tracks: Sequence[Track]) -> None:
        """Look after what an earlier recorder left. Raises `TransportError`, `OSError`."""
        archive = self.shelf.archive
        if shutil.disk_usage(archive).free < _ROOM:
            self.sweep()
            self._look_for_room("publish")
        make_folder(self._name.folder)
        if not self.shelf.index.hold():
            raise NetworkError(
                f"something else records into {archive} as {self.shelf.index.path.name}: end that, or use another "
                "folder or `archive`",
                stage="publish",
            )
        self.shelf.prepare()
        self._cutter = Cutter(tracks, self._options.segment)

    def write(self, units: Sequence[Timed], holed: bool) -> None:
        """`holed`: some were left out among them, which is told by `missed`. Raises `OSError`, and what FFmpeg's muxers
        refuse."""
        try:
            self._write(units, holed)
        except Exception as error:
            self.error = self.error or error
            raise

    def pause(self) -> None:
        """End the file: nothing is to be recorded until the next unit comes."""
        self._end_file()
        self._earlier = ""
        if self._cutter is not None:
            self._cutter.end()

    def missed(self, why: str, frames: int, begin: float, end: float) -> None:
        """Frames were left out before they came here."""
        self.shelf.gap(why, begin, end, frames)

    def finish(self, handed: int) -> None:
        """The last that is done on the thread, whatever happened before. `handed`: units that were to be written.

        Raises nothing: `error` is what it failed with.
        """
        since = self._open.end if self._open is not None else self.shelf.end
        try:
            self._end_file()
        except Exception as error:  # noqa: BLE001  FFmpeg raises errors of many kinds
            self.error = self.error or error
        try:
            if handed > self.taken:
                why = "the disk was too slow" if self.error is None else "it could not be written"
                begin = time.time() if since is None else since
                self.shelf.gap(why, begin, max(begin, time.time()), handed - self.taken)
        except OSError as error:
            self.error = self.error or error
        finally:
            self.shelf.index.release()
            self.ended = True

    def sweep(self) -> None:
        """Delete what is too old or too much in the archive, if that is due. Never raises `OSError`."""
        self._sweeper.sweep(self._note)

    # --- inside -------------------------------------------------------------------------------------------

    def _write(self, units: Sequence[Timed], holed: bool) -> None:
        assert self._cutter is not None
        offset = time.time() - time.monotonic()  # from when units came to what the clock on the wall said then
        begin = 0
        while begin < len(units):
            opened, end = self._open, begin
            if opened is not None:
                end, opened.last = self._cutter.usual(units, begin, opened.last, _HOLE)
                if end > begin:
                    self._put(opened, units[begin:end], offset)
            if end < len(units):
                self._cut(self._cutter, units[end], offset, holed)
            begin = end + 1
        if self._open is not None and self._open.writer.file.mark() and self._options.fsync == "fragment":
            self._open.writer.file.sync()

    def _put(self, opened: _Open, units: Sequence[Timed], offset: float) -> None:
        """Into the open file."""
        opened.writer.write(units, offset)
        self.taken += len(units)

    def _cut(self, cutter: Cutter, unit: Timed, offset: float, holed: bool) -> None:
        """Take a unit that is not of the usual kind."""
        packet, at = unit
        cut = cutter.next(packet, at)
        if cut is Cut.LEAVE_OUT:
            self.left_out += 1
            self.taken += 1
            return
        if cut is Cut.BEGIN:
            self._end_file()
            self._begin_file(came(packet, offset), at)
        opened = self._open
        assert opened is not None
        if at - opened.last > _HOLE and not holed:
            since = opened.end
            self.shelf.gap("no media came", since, since + (at - opened.last) / 1000)
        opened.last = max(opened.last, at)
        self._put(opened, [unit], offset)

    def _begin_file(self, begin: float, at: int) -> None:
        assert self._cutter is not None
        path = self._name.free(begin)
        make_folder(path.parent)
        tracks = list(self._cutter.tracks.values())
        self.shelf.began(path, begin)
        writer = SegmentWriter(path, self._name.container, tracks, self._options.fragment, begin)
        sync_folder(path.parent)
        self._open = _Open(writer, begin, at, at)
        before = self.shelf.end
        if self._earlier and before is not None and (begin - before) * 1000 > _HOLE:
            self.shelf.gap(self._earlier, before, begin)
        self._earlier = "no media came"

    def _end_file(self) -> None:
        """Complete the file, as far as it goes, and tell. Raises `OSError`."""
        done, self._open = self._open, None
        if done is None:
            return
        writer = done.writer
        writer.finish(sync=self._options.fsync != "never")
        size = writer.path.stat().st_size
        self.bytes += size
        self.segments += 1
        self.shelf.finished(writer.path, done.begin, done.end, size, writer.frames)
        self._done(Segment(path=str(writer.path), begin=done.begin, end=done.end, size=size, frames=writer.frames))

    def _look_for_room(self, stage: str) -> None:
        """Raises `NetworkError`."""
        if shutil.disk_usage(self.shelf.archive).free < _ROOM:
            raise NetworkError(full(self.shelf.archive), stage=stage)


def full(folder: Path) -> str:
    """What is said where there is no room."""
    return (
        f"the disk of {folder} is full: delete something, or have old recordings deleted (`keep_size`, `keep_for`); "
        "it is tried again"
    )


def told(error: BaseException, folder: Path) -> str:
    """What a failed write is told as, without the file's name, which may be a secret."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return full(folder)
        return f"cannot write in {folder}: {error.strerror or type(error).__name__}"
    return f"cannot write in {folder}: {type(error).__name__}"
