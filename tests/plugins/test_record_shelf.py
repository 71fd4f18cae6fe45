"""The index of a recording: what stands in it, what damage does, who may write it, and what the disk has when."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.media import made
from tests.plugins.transport_harness import context, load, publishing

from camcast.errors import NetworkError
from camcast_record import camcast_transports
from camcast_record.index import SUFFIX, Index, entry, index_name, lines
from camcast_record.shelf import Shelf


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_was_cut_off_counts_as_complete_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(70))
    os.utime(path, (1500.0, 1500.0))
    Shelf(tmp_path, "cam0").began(path, 1490.0)
    again = Shelf(tmp_path, "cam0")
    again.prepare()
    assert read(again.index.path)[-1] == {"file": "a.mp4", "begin": 1490.0, "end": 1500.0, "bytes": 70}
    assert again.end == 1500.0


def test_what_was_cut_off_and_cannot_be_opened_keeps_nothing_from_being_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(tmp_path, "cam0")
    for name in ("a.mp4", "b.mp4"):
        shelf.began(tmp_path / name, 1490.0)
    (tmp_path / "a.mp4").mkdir()  # opened by nobody, whoever runs this
    (tmp_path / "b.mp4").write_bytes(bytes(70))
    shelf.prepare()
    assert [line["file"] for line in read(shelf.index.path) if "end" in line] == ["b.mp4"]
    assert "cannot be looked after: Is a directory" in caplog.text


def test_the_index_forgets_what_is_gone_and_the_gaps_before_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "cam0")
    for begin in (1000.0, 2000.0, 3000.0):
        path = tmp_path / f"{begin:.0f}.mp4"
        path.write_bytes(bytes(10))
        shelf.began(path, begin)
        shelf.finished(path, begin, begin + 10, 10, 250)
    shelf.gap("no media came", 1010.0, 2000.0)
    shelf.gap("the disk was too slow", 2005.0, 2006.0, 25)
    (tmp_path / "1000.mp4").unlink()
    shelf.prepare()
    assert [line.get("file", line.get("gap")) for line in read(shelf.index.path)] == [
        *["2000.mp4"] * 2,
        *["3000.mp4"] * 2,
        "the disk was too slow",
    ]
    assert stat.S_IMODE(shelf.index.path.stat().st_mode) & 0o027 == 0, "not for everybody's eyes"


@given(st.lists(st.one_of(st.binary(max_size=60), st.from_type(type(None))), max_size=8))
def test_a_damaged_index_costs_only_its_damaged_lines(tmp_path_factory: Any, damage: list[bytes | None]) -> None:
    archive = tmp_path_factory.mktemp("archive")
    good = b'{"file": "a.mp4", "begin": 1.0, "end": 2.0}'
    index = archive / f"x{SUFFIX}"
    index.write_bytes(b"\n".join(good if line is None else line.replace(b"\n", b"") for line in damage) + b"\n")
    found = [line for line in lines(index) if line.get("file") == "a.mp4" and line.get("end") == 2.0]
    assert len(found) >= damage.count(None)
    Shelf(archive, "x").prepare()


@pytest.mark.parametrize(
    "line",
    [
        b'{"file": "a\\u0000b", "begin": 1.0, "end": 2.0}',
        b'{"file": "a", "begin": NaN, "end": 2.0}',
        b'{"file": "a", "begin": 1.0, "end": 1' + b"0" * 4000 + b"}",
        b"[" * 4000,
        b'{"file": "' + b"a" * 5000 + b'", "begin": 1.0}',
    ],
)
def test_lines_that_no_recorder_writes_end_nothing(tmp_path: Path, line: bytes) -> None:
    shelf = Shelf(tmp_path, "x")
    shelf.index.path.write_bytes(line + b"\n")
    shelf.prepare()
    assert [*shelf.to_upload()] == []


def test_a_line_of_the_longest_path_is_read(tmp_path: Path) -> None:
    index = Index(tmp_path, "x")
    name = "/".join(["門" * 80] * 16)
    index.add({"file": name, "begin": 1.0})
    (line,) = index.lines()
    assert entry(tmp_path, line).path == tmp_path / name  # type: ignore[union-attr]


@pytest.mark.parametrize("torn", [b'{"file": "b.mp4", "be', b'{"file": "b.mp4", "begin": 3.0}'])
def test_no_line_goes_on_where_another_was_cut_off(tmp_path: Path, torn: bytes) -> None:
    index = Index(tmp_path, "x")
    index.add({"file": "a.mp4", "begin": 1.0})
    with index.path.open("ab") as file:
        file.write(torn)
    index.add({"file": "c.mp4", "begin": 2.0})
    assert [line["file"] for line in index.lines() if line["file"] != "b.mp4"] == ["a.mp4", "c.mp4"]


def test_a_system_that_takes_a_part_gets_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.write
    monkeypatch.setattr(os, "writev", lambda descriptor, pieces: plain(descriptor, bytes(pieces[0][:7])))
    index = Index(tmp_path, "x")
    for begin in (1.0, 2.0):
        index.add({"file": "a.mp4", "begin": begin})
    assert [line["begin"] for line in index.lines()] == [1.0, 2.0]


# --- names, and who writes --------------------------------------------------------------------------------


def test_two_labels_never_have_one_index() -> None:
    labels = [
        "主",
        "副",
        "main/a",
        "main-a",
        "main.a",
        "..",
        ".",
        "a b",
        "a-b",
        "a%20b",
        "a/",
        "a",
        "主" * 80,
        "主" * 81,
    ]
    names = {index_name(label) for label in labels}
    assert len(names) == len(labels)
    assert all("/" not in name and len(name.encode()) <= 255 for name in names)


@given(st.text(), st.text())
def test_names_differ_as_labels_do(one: str, other: str) -> None:
    assert (index_name(one) == index_name(other)) == (one == other)


def test_one_index_has_one_writer_also_after_it_was_replaced_or_deleted(tmp_path: Path) -> None:
    first, second = Index(tmp_path, "x"), Index(tmp_path, "x")
    assert first.hold()
    assert first.hold(), "it has it already"
    assert not second.hold()
    first.replace([{"file": "a.mp4", "begin": 1.0}])
    assert not second.hold()
    first.path.unlink()
    first.add({"file": "b.mp4", "begin": 2.0})
    assert not second.hold()
    assert [line["file"] for line in second.lines()] == ["b.mp4"]
    first.release()
    assert second.hold()
    second.release()


async def test_a_second_recorder_of_one_index_is_refused_and_let_in_when_the_first_has_ended(tmp_path: Path) -> None:
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip):
        (other,) = camcast_transports()  # as in another program
        again = other.build(context(other, f"record://{tmp_path}/b.mp4")[0])
        await again.connect()
        with pytest.raises(NetworkError, match=r"something else records into .* as cam0_main\.index\.jsonl: end that"):
            await again.publish(clip.tracks)
        await again.close()
    async with publishing(kind, f"record://{tmp_path}/b.mp4", clip) as (_, events):
        assert not events.losses


# --- what the disk is told --------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the system is asked for, in order, by the paths in `tmp_path`."""
    calls: list[str] = []
    real = {name: getattr(os, name) for name in ("open", "writev", "fsync", "fdatasync", "replace")}

    def named(descriptor: int) -> str:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return str(path.relative_to(tmp_path)) if path.is_relative_to(tmp_path) else ""

    def on_descriptor(name: str) -> Any:
        def called(descriptor: int, *more: Any) -> Any:
            if where := named(descriptor):
                calls.append(f"{name.removeprefix('f').removesuffix('v').replace('datasync', 'sync')} {where}")
            return real[name](descriptor, *more)

        return called

    def opened(path: Any, flags: int, *more: Any, **others: Any) -> int:
        found: int = real["open"](path, flags, *more, **others)
        if flags & os.O_CREAT and (where := named(found)):
            calls.append(f"create {where}")
        return found

    def replaced(old: Path, new: Path) -> None:
        calls.append(f"replace {new.relative_to(tmp_path)}")
        real["replace"](old, new)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "replace", replaced)
    for name in ("writev", "fsync", "fdatasync"):
        monkeypatch.setattr(os, name, on_descriptor(name))
    return calls


def test_the_disk_has_what_replaces_an_index_before_it_does(tmp_path: Path, told: list[str]) -> None:
    index = Index(tmp_path, "x")
    index.add({"file": "a.mp4", "begin": 1.0})
    name = f"x{SUFFIX}"
    assert told == [f"create {name}", "sync .", f"write {name}", f"sync {name}"]
    told.clear()
    index.replace([])
    assert told == [f"create {name}.new", f"sync {name}.new", f"replace {name}", "sync ."]


async def test_the_disk_has_a_file_s_line_before_the_file_and_the_folders_above_it(
    tmp_path: Path, told: list[str]
) -> None:
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    url = f"record://{tmp_path}/deep/%Y/%m/a.mp4"
    tmp_path.joinpath("deep").mkdir()
    async with publishing(kind, url, clip) as (transport, events):
        for packet in clip.packets:
            transport.send(packet, packet.dts // 1_000_000)
    (segment,) = events.segments
    file = Path(segment.path).relative_to(tmp_path)
    index = f"deep/cam0_main{SUFFIX}"
    before = told[: told.index(f"create {file}")]
    assert before == [
        f"create {index}",
        "sync deep",
        "sync deep",
        f"sync {file.parent.parent}",
        f"write {index}",
        f"sync {index}",
    ]
    after = told[len(before) :]
    assert after.index(f"sync {file.parent}") > 0
    last = len(after) - 1 - after[::-1].index(f"sync {file}")
    assert after[last + 1 :] == [f"write {index}", f"sync {index}"], "complete is what the disk has all of"
