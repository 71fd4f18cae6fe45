"""Files that change are read again: however they are put there, once, and only when they really change."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_run import start
from tests.core.world import until
from tests.servers.process import wait_for

from camcast.cli import file_watch
from camcast.cli.file_watch import Files, Seen, watch


class Changes(list[int]):
    """Grows by one at each change; knows how often somebody has looked."""

    def __init__(self, files: Files, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._files, self._wanted = files, wanted
        self.looks = self.asked = 0

    def found(self) -> tuple[list[Path], list[Path], Seen]:
        found = self._files.found()
        self.looks += 1
        return found

    def wanted(self) -> bool:
        self.asked += 1
        return self._wanted()

    async def looked(self, times: int = 2) -> None:
        """Wait for so many more looks. The first of them may have begun before this."""
        due = self.looks + times
        await until(lambda: self.looks >= due, 20)


@contextlib.asynccontextmanager
async def watching(files: Files, wanted: Callable[[], bool] = lambda: True) -> AsyncIterator[Changes]:
    changes = Changes(files, wanted)
    task = asyncio.create_task(watch(changes, changes.wanted, lambda: changes.append(1)))  # type: ignore[arg-type]
    await until(lambda: changes.looks or not wanted(), 20)
    try:
        yield changes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_watch, "LOOK", 0.5)
    monkeypatch.setattr(file_watch, "SETTLED", 50)


def rewritten(file: Path) -> None:
    file.write_text("two, and longer")


def replaced(file: Path) -> None:
    new = file.with_name("new")
    new.write_text("two")
    new.replace(file)


def gone_and_back(file: Path) -> None:
    file.unlink()
    file.write_text("two, and longer")


@pytest.mark.parametrize("change", [rewritten, replaced, gone_and_back, Path.unlink])
async def test_each_way_to_change_a_file_is_noticed_once(tmp_path: Path, change: Callable[[Path], object]) -> None:
    file = tmp_path / "c.json"
    file.write_text("one")
    async with watching(Files(file)) as changes:
        change(file)
        await until(lambda: bool(changes), 10)
        await changes.looked()
        assert len(changes) == 1


async def test_a_link_that_is_turned_elsewhere_is_a_change(tmp_path: Path) -> None:
    """As deployments mount configurations: a link to a link to a folder."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.json").write_text(name)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "..data").symlink_to("../first")
    (tmp_path / "etc" / "c.json").symlink_to("..data/c.json")
    async with watching(Files(tmp_path / "etc" / "c.json")) as changes:
        (tmp_path / "etc" / "..new").symlink_to("../second")
        (tmp_path / "etc" / "..new").rename(tmp_path / "etc" / "..data")
        await until(lambda: bool(changes), 10)


async def test_files_that_are_included_count_and_new_ones_too(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text("one")
    (tmp_path / "cameras.d").mkdir()
    async with watching(Files(file, lambda: ["cameras.d/*.json"])) as changes:
        (tmp_path / "cameras.d" / "a.json").write_text("new")
        await until(lambda: len(changes) == 1, 10)
        (tmp_path / "cameras.d" / "a.json").write_text("changed")
        await until(lambda: len(changes) == 2, 10)


async def test_what_else_happens_in_the_folder_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text("one")
    async with watching(Files(file)) as changes:
        for number in range(20):
            (tmp_path / "camcast.log").write_text(str(number))
        await changes.looked()
        os.utime(tmp_path / "camcast.log")
        await changes.looked()
        assert not changes


async def test_nothing_is_watched_that_nobody_wants_watched(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text("one")
    wanted = False
    async with watching(Files(file), lambda: wanted) as changes:
        rewritten(file)
        asked = changes.asked
        await until(lambda: changes.asked > asked + 1, 20)
        wanted = True
        await changes.looked()
        assert not changes  # what was before counts for nothing
        replaced(file)
        await until(lambda: bool(changes), 10)


async def test_a_folder_that_goes_away_and_comes_back_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "c.json").write_text("one")
    async with watching(Files(folder / "c.json")) as changes:
        folder.rename(tmp_path / "moved")
        await until(lambda: len(changes) == 1, 10)
        (tmp_path / "moved").rename(folder)
        await until(lambda: len(changes) == 2, 10)


def camera(number: int) -> dict[str, Any]:
    output = {"url": f"rtmp://127.0.0.1:9/live/{number}"}
    return {"camera_id": number, "streams": [{"source": {"type": "testsrc"}, "outputs": {"a": output}}]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"include": ["cameras.d/*"], "cameras": [camera(0)]}))
    (tmp_path / "cameras.d").mkdir()
    return path


def said(process: Any, word: str) -> Iterator[str]:
    return (line for line in process.stderr if word in line)


def test_a_run_follows_its_files_and_a_wrong_one_changes_nothing(file: Path, tmp_path: Path) -> None:
    with start(file, "--plain", "--watch") as process:
        next(said(process, "next try"))
        (tmp_path / "cameras.d" / "one.json").write_text(json.dumps({"cameras": [camera(1)]}))
        assert next(said(process, "Reloaded")).endswith("camera 1 added\n")
        (tmp_path / "cameras.d" / "one.json").write_text("{")
        assert "cameras.d/one.json: line 1" in next(said(process, "Not reloaded"))
        (tmp_path / "cameras.d" / "one.json").unlink()
        assert next(said(process, "Reloaded")).endswith("camera 1 removed\n")
        process.terminate()
        process.communicate(timeout=20)


def test_the_file_itself_may_ask_to_be_watched(file: Path, tmp_path: Path) -> None:
    log = tmp_path / "camcast.log"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"system": {"watch": True}}))
    with start(file, "--log-file", log) as process:
        wait_for(lambda: log.exists() and "next try" in log.read_text(), timeout=30)
        file.write_text(json.dumps(json.loads(file.read_text()) | {"cameras": [camera(0), camera(5)]}))
        wait_for(lambda: "Reloaded: camera 5 added" in log.read_text(), timeout=30)
        process.terminate()
        process.communicate(timeout=20)
