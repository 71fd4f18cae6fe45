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
from tests.plugins.transport_harness import load, longer, reached

from camcast.target import Target
from camcast_record import camcast_transports, upload
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


def test_a_store_that_hangs_holds_no_other_uploader_of_the_recording(tmp_path: Path) -> None:
    complete(tmp_path, 1)
    hangs = threading.Event()
    blocked = threading.Thread(target=hangs.wait, daemon=True)
    blocked.start()
    later = Uploader(shelf(tmp_path), f"file://{tmp_path}/store", {}, 0, lambda code, text: None, blocked)
    later.thread.start()
    later.stop()
    assert later.thread.is_alive(), "two would write one file at once"
    hangs.set()
    later.thread.join(5)
    assert not (tmp_path / "store").exists()


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
