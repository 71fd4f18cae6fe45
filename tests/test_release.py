"""Two builds of one source are equal byte for byte, wherever, by whomever and whenever they are made."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tools.release import HASHES, NotOurs, NotReproducible, build, copied, hashes, last_commit, release, same

ROOT = Path(__file__).parent.parent
EPOCH = 1_700_000_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(ROOT, tmp_path_factory.mktemp("source") / "camcast")


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """With the C form where it can be built, as cibuildwheel makes it."""
    return build(source, tmp_path_factory.mktemp("built"), EPOCH, CAMCAST_NATIVE="")


def elsewhere(source: Path, tmp_path: Path) -> Path:
    """The same in a folder of another depth, with other times and rights."""
    other = tmp_path / "a" / "folder with spaces" / "b"
    shutil.copytree(source, other)
    for path in other.rglob("*"):
        os.utime(path, (EPOCH - 5e8, EPOCH - 5e8))
        if path.is_file():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o077)
    return other


def test_two_builds_give_equal_hashes(source: Path, built: list[Path], tmp_path: Path) -> None:
    assert [path.suffixes[-1] for path in built] == [".whl", ".gz"]
    (tmp_path / "home").mkdir()
    odd = {"HOME": str(tmp_path / "home"), "TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "1", "USER": "x"}
    again = build(elsewhere(source, tmp_path), tmp_path / "built", EPOCH, CAMCAST_NATIVE="", **odd)
    same(hashes(built), hashes(again))


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_source(built: list[Path], tmp_path: Path) -> None:
    wheel, sdist = built
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (tree,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again, _ = build(tree, tmp_path / "again", EPOCH, CAMCAST_NATIVE="")
    same(hashes([wheel]), hashes([again]))


def test_the_time_is_that_of_the_commit_and_nothing_of_this_machine_is_in_it(source: Path, built: list[Path]) -> None:
    wheel, sdist = built
    with zipfile.ZipFile(wheel) as packed:
        assert {info.date_time[:3] for info in packed.infolist()} == {(2023, 11, 14)}
        for name in packed.namelist():
            assert str(source).encode() not in packed.read(name), name
    with tarfile.open(sdist) as packed:
        assert {(one.mtime, one.uid, one.gid) for one in packed.getmembers()} == {(EPOCH, 0, 0)}
        names = {one.name.partition("/")[2] for one in packed.getmembers()}
    assert names >= {"README.md", "LICENSE", "hatch_build.py", "requirements/run.lock", "core/camcast/native/path.c"}
    assert not [name for name in names if name.startswith((".git/", ".venv", ".cache")) or name.endswith(".so")]


def test_what_differs_is_named_and_not_published() -> None:
    with pytest.raises(NotReproducible, match="differ in a, b: nothing was published"):
        same({"a": "1", "c": "3"}, {"a": "2", "b": "2", "c": "3"})


def test_a_release_is_everything_with_its_hashes(tmp_path: Path) -> None:
    """Of a small project of its own, with a program in place of cyclonedx-py."""
    root = tmp_path / "project"
    root.mkdir()
    backend = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (root / "pyproject.toml").write_text(f'{backend}[project]\nname = "small"\nversion = "1"\n')
    (root / "small.py").write_text("")
    (root / "left.txt").write_text("git does not know it")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "pyproject.toml", "small.py"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], cwd=root, check=True, timeout=60)
    program = tmp_path / "cyclonedx-py"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nopen(sys.argv[-1], 'w').write(os.environ['SOURCE_DATE_EPOCH'])\n"
    )
    program.chmod(0o755)
    into = tmp_path / "dist"
    made = release(root, into, str(program))
    assert sorted(made) == ["sbom.json", "small-1-py2.py3-none-any.whl", "small-1.tar.gz"]
    assert (into / "sbom.json").read_text() == str(last_commit(root))
    checked = subprocess.run(["sha256sum", "-c", HASHES], cwd=into, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout
    with tarfile.open(into / "small-1.tar.gz") as packed:
        assert "small-1/left.txt" not in packed.getnames()
    # In place of itself, and of nothing else: not of the project, where somebody names "." for the folder.
    assert release(root, into, str(program)) == made
    with pytest.raises(NotOurs, match=r"has \.git in it, which no release is made of: name another"):
        release(root, root, str(program))
    assert (root / "left.txt").read_text() == "git does not know it"
