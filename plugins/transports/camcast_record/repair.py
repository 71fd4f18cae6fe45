"""What is left of a file whose writer was killed, or whose machine lost its power: cut to what is whole.

An MP4's last fragment may end anywhere; FFmpeg plays what is before it, unless the file is short and ends within the
fragment's own header: that it does not open at all. Matroska readers expect files that just end.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_BOX = struct.Struct(">I4s")
_HEADERS = (b"ftyp", b"moov")


def repair(path: Path) -> int:
    """Cut an MP4 behind its last whole fragment; other files stay as they are. Returns the file's size.

    A file without a whole header is left alone: nobody can play it, and it tells that something was there.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if path.suffix != ".mp4":
            return size
        whole = _whole(file.fileno(), size)
        if 0 < whole < size:
            file.truncate(whole)
            os.fsync(file.fileno())
        return whole or size


def _whole(descriptor: int, size: int) -> int:
    """The byte behind the last whole fragment, or behind the header where there is none (ISO/IEC 14496-12 §4.2)."""
    at = whole = 0
    while at + _BOX.size <= size:
        length, name = _BOX.unpack(os.pread(descriptor, _BOX.size, at))
        if length == 1 and at + 16 <= size:
            length = int.from_bytes(os.pread(descriptor, 8, at + 8), "big")
        if length < _BOX.size or at + length > size:
            break
        at += length
        if name in _HEADERS or name == b"mdat":
            whole = at
    return whole if at < size else size
