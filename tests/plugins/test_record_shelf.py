"""The archive: what stands in an index, what is deleted, and what damage does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from camcast_record.shelf import SUFFIX, Shelf, entries


def shelf(archive: Path, label: str = "cam0_main/archive", **keep: Any) -> Shelf:
    return Shelf(archive, label, **{"keep_for": None, "keep_size": None, **keep})


def record(archive: Path, label: str, begin: float, size: int) -> Path:
    """A complete file of `size` bytes and 10 s."""
    path = archive / label / f"{begin:.0f}.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    mine = shelf(archive, label)
    mine.began(path, begin)
    mine.finished(path, begin, begin + 10, size, 250)
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_oldest_go_first_over_all_recordings_and_only_recordings_go(tmp_path: Path) -> None:
    files = [record(tmp_path, f"cam{number % 3}", 1000.0 + number, 100) for number in range(9)]
    (tmp_path / "cam0" / "notes.txt").write_text("mine")
    begun = tmp_path / "cam0" / "begun.mp4"
    begun.write_bytes(bytes(100))
    shelf(tmp_path, "cam0").began(begun, 900.0)
    assert shelf(tmp_path, keep_size=450).sweep(2000.0) == 6
    assert [path for path in files if path.exists()] == files[6:], "with the one that is being written 400 bytes"
    assert begun.exists()
    assert shelf(tmp_path, keep_for=5.0).sweep(1021.5) == 1
    assert [path for path in files if path.exists()] == files[7:]
    assert not (tmp_path / "cam1" / files[1].name).exists()
    assert (tmp_path / "cam0" / "notes.txt").exists()


def test_an_index_leads_nowhere_but_into_its_archive(tmp_path: Path) -> None:
    archive, precious = tmp_path / "archive", tmp_path / "precious"
    archive.mkdir()
    precious.write_text("mine")
    for name in ("../precious", str(precious)):
        line = json.dumps({"file": name, "begin": 1.0, "end": 2.0, "bytes": 4})
        (archive / f"evil{SUFFIX}").write_text(line + "\n")
        assert shelf(archive, keep_for=1.0).sweep(1e9) == 0
    assert precious.exists()


def test_what_was_cut_off_counts_as_complete_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(70))
    os.utime(path, (1500.0, 1500.0))
    shelf(tmp_path).began(path, 1490.0)
    again = shelf(tmp_path)
    again.prepare()
    assert lines(again.index)[-1] == {"file": "a.mp4", "begin": 1490.0, "end": 1500.0, "bytes": 70}
    assert again.end == 1500.0


def test_the_index_forgets_what_is_gone_and_the_gaps_before_it(tmp_path: Path) -> None:
    files = [record(tmp_path, "cam0", begin, 10) for begin in (1000.0, 2000.0, 3000.0)]
    mine = shelf(tmp_path, "cam0")
    mine.gap("no media came", 1010.0, 2000.0)
    mine.gap("the disk was too slow", 2005.0, 2006.0, 25)
    files[0].unlink()
    mine.prepare()
    assert [line.get("file", line.get("gap")) for line in lines(mine.index)] == [
        *["cam0/2000.mp4"] * 2,
        *["cam0/3000.mp4"] * 2,
        "the disk was too slow",
    ]


@given(st.lists(st.one_of(st.binary(max_size=60), st.from_type(type(None))), max_size=8))
def test_a_damaged_index_costs_only_its_damaged_lines(tmp_path_factory: Any, damage: list[bytes | None]) -> None:
    archive = tmp_path_factory.mktemp("archive")
    good = b'{"file": "a.mp4", "begin": 1.0, "end": 2.0}'
    index = archive / f"x{SUFFIX}"
    index.write_bytes(b"\n".join(good if line is None else line.replace(b"\n", b"") for line in damage) + b"\n")
    found = [entry for entry in entries(index) if entry.path.name == "a.mp4" and entry.end == 2.0]
    assert len(found) >= damage.count(None)
    shelf(archive, "x", keep_for=1.0).prepare()
