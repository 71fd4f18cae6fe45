"""How far a Matroska file says that its pictures are to be turned: ProjectionPoseRoll (RFC 9559 §5.1.4.1.28.46).

Only the elements on the way to it are read (EBML, RFC 8794 §4-§6).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from struct import unpack
from typing import IO

MAX_TRACKS = 4 * 1024 * 1024
MAX_ELEMENTS = 1000
"""Of one level that are looked at."""
_HEADER, _SEGMENT, _TRACKS, _ENTRY, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x1F43B675
_VIDEO, _PROJECTION, _ROLL = 0xE0, 0x7670, 0x7675


def rotations(path: Path) -> list[int]:
    """Degrees by track, clockwise, in the file's order; [] for what is no Matroska. Raises `OSError`."""
    with path.open("rb") as file:
        for kind, size in _elements(file):
            if kind == _SEGMENT:
                return _of_segment(file)
            if kind != _HEADER:
                return []
            file.seek(size, 1)
    return []


def _of_segment(file: IO[bytes]) -> list[int]:
    for kind, size in _elements(file):
        if kind == _TRACKS:
            data = file.read(min(size, MAX_TRACKS))
            return [_angle(entry) for entry_kind, entry in _within(data) if entry_kind == _ENTRY]
        if kind == _CLUSTER:
            break
        file.seek(size, 1)
    return []


def _angle(entry: bytes) -> int:
    data = entry
    for wanted in (_VIDEO, _PROJECTION, _ROLL):
        data = next((content for kind, content in _within(data) if kind == wanted), b"")
    roll = unpack({4: ">f", 8: ">d"}[len(data)], data)[0] if len(data) in (4, 8) else 0.0
    # It is told counter-clockwise, from -180 to 180.
    return round(-roll) % 360 if abs(roll) <= 360 else 0


def _within(data: bytes) -> Iterator[tuple[int, bytes]]:
    file = BytesIO(data)
    for kind, size in _elements(file):
        content = file.read(size)
        if len(content) == size:
            yield kind, content


def _elements(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """(id, bytes of content), the file being at the content; whoever asks for the next has passed over it."""
    for _ in range(MAX_ELEMENTS):
        kind = _number(file, keep_marker=True)
        size = _number(file, keep_marker=False)
        if kind is None or size is None:
            return
        yield kind, size


def _number(file: IO[bytes], *, keep_marker: bool) -> int | None:
    """A variable-size integer (RFC 8794 §4); None at the end of the file."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    value = int.from_bytes(first + rest, "big")
    return value if keep_marker else value & ~(1 << 7 * length)
