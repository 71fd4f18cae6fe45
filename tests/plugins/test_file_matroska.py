"""What a Matroska file says of its picture's rotation is read, whatever else it holds and wherever it is cut."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest

from camcast_file.matroska import rotations

ENTRY_ROLL = b"\x76\x75"


def element(kind: bytes, content: bytes) -> bytes:
    return kind + (1 << 28 | len(content)).to_bytes(4, "big") + content


def file(*rolls: bytes) -> bytes:
    """One track for each roll, behind an index and a void; b"" = a track without one."""
    entries = []
    for roll in rolls:
        projection = element(b"\x76\x70", element(ENTRY_ROLL, roll) if roll else b"")
        entries.append(element(b"\xae", b"\xd7\x81\x01" + element(b"\xe0", projection)))
    tracks = b"".join(entries)
    content = element(b"\xec", bytes(300)) + element(b"\x16\x54\xae\x6b", tracks)
    # A segment of unknown size, as it is streamed.
    return element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x88matroska") + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + content


@pytest.mark.parametrize(
    ("roll", "angle"),
    [
        (pack(">d", -90.0), 90),
        (pack(">f", 90.0), 270),
        (pack(">d", 180.0), 180),
        (pack(">d", float("nan")), 0),
        (b"\0", 0),
    ],
)
def test_a_roll_is_read(roll: bytes, angle: int, tmp_path: Path) -> None:
    path = tmp_path / "file.mkv"
    path.write_bytes(file(b"", roll))
    assert rotations(path) == [0, angle]


def test_a_file_cut_anywhere_or_of_another_kind_says_nothing_wrong(tmp_path: Path) -> None:
    path = tmp_path / "file.mkv"
    whole = file(pack(">d", -90.0))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert rotations(path) in ([], [0]), length
    path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    assert rotations(path) == []
