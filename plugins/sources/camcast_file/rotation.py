"""How far a file says that its picture is to be turned: Matroska's projection, the display matrix of MP4 and MOV (ISO
14496-12 §8.3.2).

FLV, MPEG-TS and RTP have no word for it, so it is lost; whoever plays the file is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from struct import unpack_from

from camcast_file import matroska

MAX_MOOV = 64 * 1024 * 1024
_MATRIX = {0: 40, 1: 52}
"""Where the matrix stands in a tkhd box, by its version."""


def rotations(path: Path, formats: str) -> list[int]:
    """Degrees by track, clockwise, in the file's order; [] where the format has no word for it. Raises `OSError`.

    `formats`: FFmpeg's names of it, with commas.
    """
    names = formats.split(",")
    if "matroska" in names:
        return matroska.rotations(path)
    return _of_mp4(path) if "mov" in names else []


def _of_mp4(path: Path) -> list[int]:
    moov = _moov(path)
    found = []
    for kind, trak in _boxes(moov):
        if kind == b"trak":
            header = next((box for name, box in _boxes(trak) if name == b"tkhd"), b"")
            found.append(_angle(header))
    return found


def _moov(path: Path) -> bytes:
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            used = 8
            if size == 1:
                size, used = int.from_bytes(file.read(8), "big"), 16
            if kind == b"moov":
                return file.read(min(size - used, MAX_MOOV)) if size > used else b""
            if size < used or not kind.isalnum():
                return b""
            file.seek(size - used, 1)
    return b""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8:
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _angle(header: bytes) -> int:
    at = _MATRIX.get(header[0], 0) if header else 0
    if not at or len(header) < at + 36:
        return 0
    a, b = unpack_from(">ii", header, at)
    return round(math.degrees(math.atan2(b, a))) % 360
