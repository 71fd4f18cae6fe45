"""What of a file lies behind a place in it, as a file of its own: for recordings that were put end to end."""

from __future__ import annotations

import io
from pathlib import Path


class RestOfFile:
    """Read by PyAV. Closed by whoever opened it."""

    def __init__(self, path: Path, begin: int) -> None:
        """`begin`: bytes that are left out."""
        self._file = path.open("rb")
        self._begin = begin
        self._file.seek(begin)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            offset += self._begin
        return self._file.seek(offset, whence) - self._begin

    def tell(self) -> int:
        return self._file.tell() - self._begin

    def close(self) -> None:
        self._file.close()
