"""Complete files go to a store: in order, at the rate that is allowed, again after failures and after a new start."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from tests.media import made
from tests.plugins.test_record import record
from tests.plugins.transport_harness import load, longer, publishing, reached

from camcast.target import Target
from camcast_record import camcast_transports, transport, upload
from camcast_record.options import RecordOptions
from camcast_record.shelf import Shelf
from camcast_record.upload import Uploader


@pytest.fixture
def store() -> Iterator[MemoryFileSystem]:
    found = fsspec.filesystem("memory")
    yield found
    found.store.clear()
    found.pseudo_dirs[:] = [""]


def shelf(archive: Path) -> Shelf:
    return Shelf(archive, "gate")


def complete(archive: Path, count: int, size: int = 1000, first: int = 0) -> list[Path]:
    paths = []
    for number in range(first, first + count):
        path = archive / f"{number}.mp4"
        path.write_bytes(bytes([number]) * size)
        shelf(archive).began(path, 100.0 + number)
        shelf(archive).finished(path, 100.0 + number, 101.0 + number, size, 25)
        paths.append(path)
    return paths


def run(
    archive: Path, until: Any, url: str = "memory://bucket/gate", rate: int = 0, seconds: float = 10.0
) -> list[str]:
    """An uploader until `until` is true; the codes of what it told."""
    notes: list[str] = []
    one = Uploader(shelf(archive), url, {}, rate, lambda code, text: notes.append(code))
    one.thread.start()
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    one.stop()
    one.thread.join(5)
    assert not one.thread.is_alive()
    return notes


def test_files_are_uploaded_once_oldest_first(tmp_path: Path, store: MemoryFileSystem) -> None:
    paths = complete(tmp_path, 3)
    assert run(tmp_path, lambda: not [*shelf(tmp_path).to_upload()]) == []
    assert [store.cat(f"/bucket/gate/{path.name}") for path in paths] == [path.read_bytes() for path in paths]
    store.rm("/bucket/gate", recursive=True)
    complete(tmp_path, 1, first=3)
    again = run(tmp_path, lambda: store.exists("/bucket/gate/3.mp4"))
    assert again == []
    assert [Path(name).name for name in store.ls("/bucket/gate", detail=False)] == ["3.mp4"]


def test_a_store_that_is_away_is_tried_again(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = complete(tmp_path, 1)
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.05)
    opens, plain = [], MemoryFileSystem._open

    def broken(self: MemoryFileSystem, *arguments: Any, **more: Any) -> Any:
        opens.append(time.monotonic())
        if len(opens) < 4:
            raise ConnectionError("password=secret is refused")
        return plain(self, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, "_open", broken)
    notes = run(tmp_path, lambda: not [*shelf(tmp_path).to_upload()])
    assert notes == ["upload_failed", "upload_goes_on"]
    assert store.cat("/bucket/gate/0.mp4") == path.read_bytes()
    waits = [after - before for before, after in itertools.pairwise(opens)]
    assert waits[0] >= 0.05
    assert waits[1] >= 0.1
    assert waits[2] >= 0.2


def test_no_faster_than_the_rate(tmp_path: Path, store: MemoryFileSystem) -> None:
    complete(tmp_path, 1, size=1_000_000)
    began = time.monotonic()
    run(tmp_path, lambda: not [*shelf(tmp_path).to_upload()], rate=8000)  # 1 MB a second
    assert time.monotonic() - began >= 0.9


def test_what_retention_deleted_is_passed_over(tmp_path: Path, store: MemoryFileSystem) -> None:
    paths = complete(tmp_path, 2)
    paths[0].unlink()
    assert run(tmp_path, lambda: store.exists("/bucket/gate/1.mp4")) == []


def test_one_file_that_cannot_be_read_keeps_no_other_from_the_store(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.02)
    paths = complete(tmp_path, 4)
    for path in paths[:3]:  # more than those after which a store counts as away
        path.unlink()
        path.mkdir()  # read by nobody, whoever runs this
    assert run(tmp_path, lambda: store.exists("/bucket/gate/3.mp4")) == ["upload_failed"]
    for path in paths[:3]:
        path.rmdir()
        path.write_bytes(b"again")
    notes = run(tmp_path, lambda: not [*shelf(tmp_path).to_upload()])
    assert notes == []
    assert [store.cat(f"/bucket/gate/{number}.mp4") for number in range(3)] == [b"again"] * 3


def test_one_file_that_the_store_does_not_take_keeps_no_other_from_it(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.02)
    complete(tmp_path, 5)
    refused, plain = {"/bucket/gate/0.mp4.part", "/bucket/gate/1.mp4.part"}, MemoryFileSystem._open

    def choosy(self: MemoryFileSystem, path: str, *arguments: Any, **more: Any) -> Any:
        if path in refused:
            raise ValueError("no such names here")
        return plain(self, path, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, "_open", choosy)

    def until() -> bool:
        if all(store.exists(f"/bucket/gate/{number}.mp4") for number in (2, 3, 4)):
            refused.clear()
        return not [*shelf(tmp_path).to_upload()]

    assert run(tmp_path, until) == ["upload_failed", "upload_goes_on"]


def test_what_follows_one_refused_file_does_not_wait_for_it(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "FIRST_WAIT", 60.0)
    complete(tmp_path, 2)
    plain = MemoryFileSystem._open

    def choosy(self: MemoryFileSystem, path: str, *arguments: Any, **more: Any) -> Any:
        if path == "/bucket/gate/0.mp4.part":
            raise ValueError("no such name here")
        return plain(self, path, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, "_open", choosy)
    assert run(tmp_path, lambda: store.exists("/bucket/gate/1.mp4")) == ["upload_failed"]


@pytest.mark.parametrize("why", ["stopped", "read error", "write error"])
def test_half_a_file_never_has_its_name(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    (path,) = complete(tmp_path, 1, size=3 * upload.PIECE)
    there = tmp_path / "store"
    one = Uploader(shelf(tmp_path), f"file://{there}", {}, 0, lambda code, text: None)
    seen: list[set[str]] = []
    plain, pieces = upload._reading, []

    def reading(doing: Any) -> Any:
        got = plain(doing)
        if isinstance(got, bytes):
            pieces.append(got)
            seen.append({one.name for one in there.iterdir()})
            if len(pieces) == 2:
                if why != "stopped":
                    fails()
                one.stop()
        return got

    def fails() -> None:
        if why == "read error":
            raise upload._Unreadable
        raise ConnectionError

    monkeypatch.setattr(upload, "_reading", reading)
    monkeypatch.setattr(upload, "FIRST_WAIT", 0.01)
    one.thread.start()
    deadline = time.monotonic() + 10
    while len(seen) < 2 or (why != "stopped" and not one.files):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    one.stop()
    one.thread.join(5)
    names = {one.name for one in there.iterdir()}
    assert seen[:2] == [{"0.mp4.part"}] * 2
    if why == "stopped":
        assert names == set()
    else:
        assert names == {"0.mp4"}, "tried again"
        assert (there / "0.mp4").read_bytes() == path.read_bytes()


def test_names_are_no_patterns(tmp_path: Path, store: MemoryFileSystem) -> None:
    path = tmp_path / "gate [1]*.mp4"
    path.write_bytes(b"media")
    shelf(tmp_path).finished(path, 100.0, 101.0, 5, 25)
    assert run(tmp_path, lambda: not [*shelf(tmp_path).to_upload()]) == []
    assert store.cat_file("/bucket/gate/gate [1]*.mp4") == b"media"
    assert len(store.store) == 1


async def test_a_store_that_hangs_holds_one_thread_however_often_it_is_tried_again_and_is_told(
    tmp_path: Path, store: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, plain = threading.Event(), MemoryFileSystem._open

    def hangs(self: MemoryFileSystem, *arguments: Any, **more: Any) -> Any:
        answers.wait(60)
        return plain(self, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, "_open", hangs)
    monkeypatch.setattr(upload, "HANGS", 0.05)
    monkeypatch.setattr(transport, "CARE", 0.01)
    for path in complete(tmp_path, 1):  # of the recording below
        mine = Shelf(tmp_path, "cam0_main")
        mine.finished(path, 100.0, 101.0, 1000, 25)
    (kind,) = camcast_transports()
    clip = load(made("h264_aac"))
    options = RecordOptions(upload="memory://bucket/gate")

    def threads() -> int:
        return sum(one.name == "camcast-record-upload" for one in threading.enumerate())

    try:
        for _ in range(3):
            async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (_, events):
                await reached(lambda events=events: bool(events.notes))  # type: ignore[misc]
            assert [code for code, _ in events.notes] == ["upload_hangs"]
            assert threads() == 1
        async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (_, events):
            await reached(lambda: bool(events.notes))
            answers.set()
            await reached(lambda: store.exists("/bucket/gate/0.mp4"))
            await reached(lambda: len(events.notes) == 2)
        assert [code for code, _ in events.notes] == ["upload_hangs", "upload_goes_on"]
    finally:
        answers.set()
    await reached(lambda: threads() == 0)


async def test_what_is_recorded_is_in_the_store(tmp_path: Path) -> None:
    (kind,) = camcast_transports()
    archive, there = tmp_path / "archive", tmp_path / "store"
    archive.mkdir()
    clip = load(made("h264_aac"))
    events = await record(
        kind, f"record://{archive}/%S.mp4", longer(clip, 8.0), clip, segment=2.0, upload=f"file://{there}"
    )
    names = [Path(segment.path).name for segment in events.segments]
    # Those that were complete at the end had no time any more: the next start uploads them.
    label = Shelf(archive, "cam0_main")
    one = Uploader(label, f"file://{there}", {}, 0, lambda code, text: None)
    one.thread.start()
    await reached(lambda: not [*label.to_upload()])
    one.stop()
    await one.ended(5.0)
    assert {path.name: path.read_bytes() for path in there.glob("*.mp4")} == {
        name: (archive / name).read_bytes() for name in names
    }
    lines = [json.loads(line) for line in label.index.path.read_text().splitlines()]
    assert len([line for line in lines if line.get("uploaded")]) == len(names)
    assert events.notes == []


@pytest.mark.parametrize("url", ["bucket/folder", "file://relative", "://x"])
def test_what_is_no_store_is_refused(url: str) -> None:
    (kind,) = camcast_transports()
    with pytest.raises(ValueError, match="`upload`"):
        kind.check(Target(url="record:///v/a.mp4", options=RecordOptions(upload=url)))


def test_a_store_s_secrets_are_hidden() -> None:
    options = RecordOptions(upload="s3://user:word@bucket", upload_options={"secret": "word"})
    assert "word" not in repr(options)
