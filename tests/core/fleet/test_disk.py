"""What survives a member's process, and that only one process is a member."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from camcast.coordinators import Desired
from camcast.errors import CamcastError
from camcast.fleet import disk as disk_module
from camcast.fleet.disk import LIVES, Disk

DESIRED = Desired(version=4, mapping={"cameras": [{"camera_id": 1}]})


def test_everything_is_there_the_next_time(tmp_path: Path) -> None:
    first = Disk(tmp_path / "m")
    lives = [first.new_life(), first.new_life()]
    first.keep(DESIRED, {1: 7, 2: 1})
    first.close()
    second = Disk(tmp_path / "m")
    assert (second.desired, second.fences) == (DESIRED, {1: 7, 2: 1})
    assert second.former >= set(lives)
    assert second.new_life() not in lives
    second.close()


def test_lives_of_another_machine_are_not_known_to_be_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor those before this one was started anew: a lock says nothing of either."""
    (tmp_path / "boot").write_text("another\n")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(disk_module, "_BOOT", tmp_path / "boot")
        there = Disk(tmp_path / "m")
        life = there.new_life()
        there.close()
        again = Disk(tmp_path / "m")
        assert life in again.former
        again.close()
    here = Disk(tmp_path / "m")
    own = here.new_life()
    assert here.former == frozenset()
    here.close()
    after = Disk(tmp_path / "m")
    assert own in after.former
    assert life not in after.former
    after.close()


def test_only_one_process_is_a_member(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    code = "import sys; from pathlib import Path; from camcast.fleet.disk import Disk; Disk(Path(sys.argv[1]))"
    other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert "another process is this member already" in other.stderr
    disk.close()
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=30).returncode == 0


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from camcast.fleet.disk import Disk;"
        "Disk(Path(sys.argv[1])).new_life(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=30)
    disk = Disk(tmp_path)
    assert len(disk.former) == 1
    disk.close()


def test_a_life_begins_without_waiting_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name was written down beforehand, by whoever waits for disks anyhow."""
    disk = Disk(tmp_path)
    with monkeypatch.context() as held:
        held.setattr(Disk, "_write", lambda *_: pytest.fail("it waits"))
        lives = [disk.new_life()]
    disk.keep(None, {})
    with monkeypatch.context() as held:
        held.setattr(Disk, "_write", lambda *_: pytest.fail("it waits"))
        lives.append(disk.new_life())
    disk.close()
    again = Disk(tmp_path)
    assert len(set(lives)) == 2
    assert again.former >= set(lives)
    again.close()


@pytest.mark.parametrize("name", ["desired.json", "fences.json", "lives"])
@pytest.mark.parametrize("damage", [b"", b"\xff\xfe{", b"[1, 2]", b'{"version": "x"}'])
def test_a_damaged_file_is_none(tmp_path: Path, name: str, damage: bytes) -> None:
    disk = Disk(tmp_path)
    disk.keep(DESIRED, {1: 7})
    disk.new_life()
    disk.close()
    (tmp_path / name).write_bytes(damage)
    again = Disk(tmp_path)
    assert again.desired == (None if name == "desired.json" else DESIRED)
    assert again.fences == ({} if name == "fences.json" else {1: 7})
    again.close()


def test_a_long_life_is_not_remembered_for_ever(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for _ in range(LIVES + 20):
        disk.new_life()
    disk.close()
    again = Disk(tmp_path)
    assert len(again.former) <= LIVES + 1
    again.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CamcastError, match="name another: --state"):
        Disk(tmp_path / "file" / "m")
