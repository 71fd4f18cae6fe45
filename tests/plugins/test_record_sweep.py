"""What is deleted of an archive, when, and what keeps nothing else from being deleted; clocks are the test's own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.media import made
from tests.plugins.transport_harness import feed, load, longer, publishing, reached

from camcast.errors import NetworkError
from camcast_record import camcast_transports, sweep, transport
from camcast_record.index import SUFFIX
from camcast_record.options import RecordOptions
from camcast_record.shelf import Shelf
from camcast_record.sweep import EVERY, HOLDS, Steady, Sweeper

NOON = 1_795_953_600.0


class Time:
    """Both clocks of a machine."""

    def __init__(self) -> None:
        self.wall, self.monotonic = NOON, 100.0

    def goes(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def sweeper(self, archive: Path, *, keep_for: float | None = None, keep_size: int | None = None) -> Sweeper:
        return Sweeper(archive, keep_for, keep_size, wall=lambda: self.wall, monotonic=lambda: self.monotonic)


@pytest.fixture
def time() -> Time:
    return Time()


def silent(code: str, text: str) -> None:
    pytest.fail(f"told {code}: {text}")


def record(archive: Path, label: str, begin: float, size: int, changed: float | None = None) -> Path:
    """A complete file of `size` bytes and 10 s."""
    path = archive / label / f"{begin:.0f}.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (changed or begin + 10,) * 2)
    mine = Shelf(archive, label)
    mine.began(path, begin)
    mine.finished(path, begin, begin + 10, size, 250)
    return path


def left(files: list[Path]) -> list[Path]:
    return [path for path in files if path.exists()]


def test_the_oldest_go_first_over_all_recordings_and_only_recordings_go(tmp_path: Path, time: Time) -> None:
    files = [record(tmp_path, f"cam{number % 3}", 1000.0 + number, 100) for number in range(9)]
    (tmp_path / "cam0" / "notes.txt").write_text("mine")
    begun = tmp_path / "cam0" / "begun.mp4"
    begun.write_bytes(bytes(100))
    Shelf(tmp_path, "cam0").began(begun, 900.0)
    assert time.sweeper(tmp_path, keep_size=450).sweep(silent) == 6
    assert left(files) == files[6:], "with the one that is being written 400 bytes"
    assert begun.exists()
    assert (tmp_path / "cam0" / "notes.txt").exists()
    assert [*(tmp_path / "cam1").iterdir()] == [files[7]]


def test_what_is_too_old_goes_when_the_clock_has_held(tmp_path: Path, time: Time) -> None:
    files = [record(tmp_path, "cam0", NOON - age, 100) for age in (5000.0, 4000.0, 50.0)]
    sweeper = time.sweeper(tmp_path, keep_for=3600.0)
    assert sweeper.sweep(silent) == 0, "nothing is known of the clock yet"
    time.goes(HOLDS)
    assert sweeper.sweep(silent) == 2
    assert left(files) == files[2:]


def test_a_clock_that_jumps_deletes_nothing(tmp_path: Path, time: Time) -> None:
    files = [record(tmp_path, "cam0", NOON - age, 100) for age in (50.0, 40.0)]
    sweeper = time.sweeper(tmp_path, keep_for=3600.0)
    for jump in (0.0, 1e6, -1e6, 1e6, -1e6):
        time.wall += jump
        for _ in range(int(HOLDS / EVERY) - 1):
            assert sweeper.sweep(silent) == 0
            time.goes(EVERY)
    assert left(files) == files
    time.wall += 1e6
    sweeper.sweep(silent)
    time.goes(HOLDS)
    assert sweeper.sweep(silent) == 2, "a clock that stays is believed"


def test_a_clock_that_is_set_right_a_little_at_a_time_holds() -> None:
    steady = Steady()
    assert [steady.holds(NOON + 1.0005 * at, at) for at in (0.0, 100.0, 200.0, 300.0)] == [False, False, False, True]


def test_a_file_is_as_old_as_its_last_change_where_the_index_says_older(tmp_path: Path, time: Time) -> None:
    """It was recorded with a clock that was days slow, and set right before the file's end."""
    path = record(tmp_path, "cam0", NOON - 1e6, 100, changed=NOON - 50.0)
    sweeper = time.sweeper(tmp_path, keep_for=3600.0)
    sweeper.sweep(silent)
    time.goes(HOLDS)
    assert sweeper.sweep(silent) == 0
    time.goes(3600.0)
    assert sweeper.sweep(silent) == 1
    assert not path.exists()


def test_an_index_leads_nowhere_but_into_its_archive(tmp_path: Path, time: Time) -> None:
    archive, precious = tmp_path / "archive", tmp_path / "precious"
    archive.mkdir()
    precious.write_text("mine")
    for name in ("../precious", str(precious), "a\0b", "a" * 5000):
        line = json.dumps({"file": name, "begin": 1.0, "end": 2.0, "bytes": 4})
        (archive / f"evil{SUFFIX}").write_text(line + "\n")
        assert time.sweeper(archive, keep_size=1).sweep(lambda code, text: None) == 0
    assert precious.exists()


def test_what_cannot_be_deleted_or_read_is_told_once_and_costs_nothing_else(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [record(tmp_path, "cam0", NOON - 1000.0 + number, 100) for number in range(4)]
    index = tmp_path / f"bad{SUFFIX}"
    index.mkdir()  # read by nobody, whoever runs this
    plain, stuck = Path.unlink, {files[0], files[1]}

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path in stuck:
            raise PermissionError(1, "Operation not permitted")
        plain(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    told: list[tuple[str, str]] = []
    sweeper = time.sweeper(tmp_path, keep_size=250)
    assert sweeper.sweep(lambda *one: told.append(one)) == 2
    assert left(files) == files[:2]
    assert [code for code, _ in told] == ["record_sweep_failed"]
    assert told[0][1].startswith(
        f"3 files or indexes in {tmp_path} cannot be read or deleted (Operation not permitted)"
    )
    time.goes(EVERY)
    record(tmp_path, "cam0", NOON, 100)
    sweeper.sweep(lambda *one: told.append(one))
    assert len(told) == 1
    stuck.clear()
    index.rmdir()
    time.goes(EVERY)
    record(tmp_path, "cam0", NOON + 20, 100)
    sweeper.sweep(lambda *one: told.append(one))
    assert [code for code, _ in told] == ["record_sweep_failed", "record_sweep_goes_on"]


def test_an_archive_that_is_away_is_told_and_raises_nothing(tmp_path: Path, time: Time) -> None:
    told: list[str] = []
    assert time.sweeper(tmp_path / "no", keep_size=1).sweep(lambda code, text: told.append(text)) == 0
    (text,) = told
    assert text.startswith(f"1 files or indexes in {tmp_path / 'no'} cannot be read or deleted (No such file or ")


def test_a_look_asks_only_for_what_is_new(tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        record(tmp_path, "cam0", 1000.0 + number, 100)
    sweeper = time.sweeper(tmp_path, keep_size=10**6)
    sweeper.sweep(silent)
    asked: list[Path] = []
    plain = Path.stat

    def noted(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path != tmp_path:  # the archive, in which indexes are looked for
            asked.append(path)
        return plain(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", noted)
    time.goes(EVERY)
    sweeper.sweep(silent)
    assert asked == [tmp_path / "cam0"], "whether its folder has changed"
    new = record(tmp_path, "cam0", 2000.0, 100)
    asked.clear()
    time.goes(EVERY)
    sweeper.sweep(silent)
    assert asked == [tmp_path / "cam0", new]


def test_what_others_delete_counts_no_more(tmp_path: Path, time: Time) -> None:
    files = [record(tmp_path, "cam0", 1000.0 + number, 100) for number in range(6)]
    sweeper = time.sweeper(tmp_path, keep_size=600)
    assert sweeper.sweep(silent) == 0
    for path in files[3:5]:
        path.unlink()
    new = [record(tmp_path, "cam0", 2000.0 + number, 100) for number in range(2)]
    time.goes(EVERY)
    assert sweeper.sweep(silent) == 0
    assert left([*files, *new]) == [*files[:3], files[5], *new]


def test_an_index_that_was_replaced_is_read_anew(tmp_path: Path, time: Time) -> None:
    files = [record(tmp_path, "cam0", 1000.0 + number, 100) for number in range(6)]
    sweeper = time.sweeper(tmp_path, keep_size=600)
    sweeper.sweep(silent)
    files[0].unlink()
    Shelf(tmp_path, "cam0").prepare()
    files += [record(tmp_path, "cam0", 2000.0 + number, 100) for number in range(3)]
    time.goes(EVERY)
    assert sweeper.sweep(silent) == 2
    assert left(files) == files[3:]


def test_an_index_that_was_written_over_in_place_is_read_anew(tmp_path: Path, time: Time) -> None:
    """As editors and copies do, which keep the file and put other text into it."""
    files = [record(tmp_path, "cam0", 1000.0 + number, 100) for number in range(2)]
    sweeper = time.sweeper(tmp_path, keep_size=300)
    sweeper.sweep(silent)
    files += [record(tmp_path, "cam1", 2000.0 + number, 100) for number in range(2)]
    one, other = (tmp_path / f"{label}{SUFFIX}" for label in ("cam0", "cam1"))
    text = other.read_text() + one.read_text()
    other.unlink()
    one.write_text(text)
    time.goes(EVERY)
    assert sweeper.sweep(silent) == 1
    assert left(files) == files[1:]


def test_much_is_deleted_in_several_goes_and_no_archive_is_swept_all_the_time(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [record(tmp_path, "cam0", 1000.0 + number, 100) for number in range(9)]
    plain = Path.unlink

    def slow(path: Path, missing_ok: bool = False) -> None:
        time.goes(sweep.BUDGET / 2.5)
        plain(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    sweeper = time.sweeper(tmp_path, keep_size=100)
    goes = []
    while sweeper.due:
        goes.append(sweeper.sweep(silent))
    assert goes == [3, 3, 2]
    assert left(files) == files[-1:]
    assert sweeper.sweep(silent) == 0
    time.goes(EVERY)
    assert sweeper.due


def test_an_archive_that_is_measured_slowly_is_measured_in_several_goes(
    tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [record(tmp_path, "cam0", 1000.0 + number, 100) for number in range(9)]
    plain = Path.stat

    def slow(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path in files:
            time.goes(sweep.BUDGET / 2.5)
        return plain(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", slow)
    sweeper = time.sweeper(tmp_path, keep_size=500)
    goes = []
    while sweeper.due:
        assert all(map(os.path.exists, files)), "nothing is deleted before it is known what is the oldest"
        goes.append(sweeper.sweep(silent))
    assert goes == [0, 0, 4]
    assert [path for path in files if os.path.exists(path)] == files[4:]


def test_an_archive_is_swept_by_one_program_at_a_time(tmp_path: Path, time: Time) -> None:
    record(tmp_path, "cam0", 1000.0, 100)
    sweeper = time.sweeper(tmp_path, keep_size=1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert sweeper.sweep(silent) == 0
    finally:
        os.close(descriptor)
    time.goes(EVERY)
    assert sweeper.sweep(silent) == 1


async def test_a_full_disk_is_swept_before_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = record(tmp_path, "cam1", 1000.0, 100)
    plain = shutil.disk_usage

    def usage(path: Path) -> Any:
        return plain(path)._replace(free=0 if old.exists() else 1 << 30)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    clip: Any = load(made("h264_aac"))
    (kept,) = camcast_transports()
    with pytest.raises(NetworkError, match="is full"):
        async with publishing(kept, f"record://{tmp_path}/a.mp4", clip):
            pytest.fail("there is no room")
    assert old.exists()
    async with publishing(kept, f"record://{tmp_path}/a.mp4", clip, options=RecordOptions(keep_size=1)):
        assert not old.exists()


def test_nothing_is_due_where_all_is_kept(tmp_path: Path, time: Time) -> None:
    assert not time.sweeper(tmp_path).due


async def test_an_archive_is_swept_while_a_file_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "EVERY", 0.02)
    monkeypatch.setattr(transport, "CARE", 0.01)
    (kind,) = camcast_transports()
    clip: Any = load(made("h264_aac"))
    options = RecordOptions(keep_size=150)
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (recording, events):
        old = [record(tmp_path, "cam1", 1000.0 + number, 100) for number in range(2)]
        await reached(lambda: not left(old[:1]))
        assert left(old) == old[1:], "no file has ended, and none is counted yet"
        await feed(recording, longer(clip, 8.0), speed=1000)
        await reached(lambda: not left(old))
        assert not events.segments
    assert (tmp_path / "a.mp4").exists()


async def test_what_cannot_be_deleted_ends_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "EVERY", 0.02)
    monkeypatch.setattr(transport, "CARE", 0.01)
    old = record(tmp_path, "cam1", 1000.0, 100)
    old.unlink()
    old.mkdir()  # unlinked by nobody, whoever runs this
    (kind,) = camcast_transports()
    clip: Any = load(made("h264_aac"))
    options = RecordOptions(keep_size=1)
    async with publishing(kind, f"record://{tmp_path}/a.mp4", clip, options=options) as (recording, events):
        await reached(lambda: bool(events.notes))
        await feed(recording, clip.packets, speed=1000)
        assert not events.losses
    assert [code for code, _ in events.notes] == ["record_sweep_failed"]
    assert (tmp_path / "a.mp4").stat().st_size > 10_000
