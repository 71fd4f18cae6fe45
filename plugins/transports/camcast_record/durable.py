"""A file as FFmpeg's muxers write it, of which it is known what would survive a loss of power. It blocks.

A muxer writes a fragment in one go, and nothing in between; so after each hand-over to it what is in the file is whole.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

_PIECES = 1024
"""As many as Linux takes in one call (IOV_MAX)."""


class DurableFile(io.RawIOBase):
    """Made anew, never written over. Without a buffer: what `write` returns for has been given to the kernel."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        # Not for everybody's eyes: it is a camera's picture.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._at = self._end = self._whole = 0
        self._dirty = False
        self.failed: OSError | None = None
        """What the first failing write failed with; nothing is written after it."""

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """All of `data`: a muxer does not ask how much of it was taken."""
        self.write_pieces([data])
        return len(data)

    def write_pieces(self, pieces: Sequence[bytes]) -> None:
        """All of them, in one go, which nobody has to put together before. Raises `OSError`."""
        if self.failed is not None:
            raise self.failed
        try:
            self._at += write_all(self._descriptor, *pieces)
        except OSError as error:
            self.failed = error
            raise
        self._end = max(self._end, self._at)
        self._dirty = True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = os.lseek(self._descriptor, offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at

    @property
    def size(self) -> int:
        """Bytes that it has: nobody else writes it, so nobody has to ask."""
        return self._end

    def mark(self) -> bool:
        """What is in the file now is whole. Whether that is more than at the last mark."""
        grown, self._dirty = self._dirty, False
        if grown:
            self._whole = self.size
        return grown

    def sync(self) -> None:
        """Have the disk take it; returns when power may fail."""
        os.fdatasync(self._descriptor)

    def cut(self) -> None:
        """Leave out what was begun since the last mark, and could not be written."""
        os.ftruncate(self._descriptor, self._whole)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def write_all(descriptor: int, *pieces: bytes) -> int:
    """However little a system takes at once. Returns how many bytes. Raises `OSError`; a part may have been written
    then."""
    size = missing = sum(map(len, pieces))
    left: list[bytes | memoryview] = list(pieces)
    while missing:
        taken = os.writev(descriptor, left[:_PIECES])
        missing -= taken
        if missing:
            whole = 0
            while taken >= len(left[whole]):
                taken -= len(left[whole])
                whole += 1
            del left[:whole]
            left[0] = memoryview(left[0])[taken:]
    return size


def make_folder(folder: Path) -> None:
    """With all above it; the disk has their names. Harmless where it is there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk take the names of the files in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
