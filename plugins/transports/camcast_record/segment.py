"""One file of a recording as its recorder sees it, whatever it is written as. Blocks: on a thread only.

Nothing is written but whole fragments (clusters), in one go each, so a file that is not finished plays up to its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from camcast.media import Track
from camcast_record.durable import DurableFile
from camcast_record.gate import Timed
from camcast_record.matroska import MatroskaMedia
from camcast_record.mp4 import Mp4Media


class Media(Protocol):
    """What is written into a file."""

    def write(self, units: Sequence[Timed], offset: float) -> None:
        """As that of `SegmentWriter`."""

    def end(self) -> None:
        """Write what is left."""


class SegmentWriter:
    """One file, from its first packet to its end."""

    def __init__(self, path: Path, container: str, tracks: Sequence[Track], fragment: float, begin: float) -> None:
        """`fragment`: seconds of media in a fragment. `begin`: `time.time()` of the first packet, when it came."""
        self.path = path
        self.frames = 0
        self.file = DurableFile(path)
        try:
            self._media: Media
            if container == "mp4":
                self._media = Mp4Media(self.file, tracks, fragment, begin)
            else:
                self._media = MatroskaMedia(self.file, tracks, fragment, begin)
        except BaseException:
            self.file.close()
            path.unlink(missing_ok=True)
            raise

    def write(self, units: Sequence[Timed], offset: float) -> None:
        """`offset`: `time.time()` where the clock of the packets' arrival is 0. Raises `OSError`."""
        self._media.write(units, offset)
        self.frames += len(units)

    def finish(self, *, sync: bool) -> None:
        """Write what is left, have the disk take it with `sync`, and close.

        Raises `OSError`; the file is closed all the same, and cut to what is whole.
        """
        try:
            self._media.end()
            self.file.mark()
            if sync:
                self.file.sync()
        finally:
            # A muxer that could not write lets go of its memory only when it is closed; it has been.
            if self.file.failed is not None:
                self.file.cut()
            self.file.close()
