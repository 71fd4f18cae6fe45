"""Installing with a compiler and without one: the C form where it can be built, pure Python and no error where not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLIPS = ROOT / ".cache" / "clips"
NOWHERE = {"PATH": "/nowhere", "CC": ""}
"""A machine without a compiler."""
BROKEN = {"CC": "/bin/false"}
COMPILER = any(shutil.which(name) for name in ("cc", "gcc", "clang"))

needs_compiler = pytest.mark.skipif(not COMPILER, reason="there is no C compiler here")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CAMCAST_NATIVE", "CC")}
    return {**kept, **more}


def install(into: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """`pip install .` for an interpreter that has what is needed to build and to run."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation"]
    return subprocess.run(
        [*command, "--target", str(into), str(ROOT)],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=180,
    )


def said(installed: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PYTHONPATH=str(installed)),
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


FORM = """
import camcast, camcast_aac.native, camcast_file.native, camcast_push.native, camcast_record.native
import camcast_rtmp.native, camcast_rtsp.native
from camcast.native import form
from camcast_rtmp.driver import RtmpTransport
plugins = [camcast_aac, camcast_file, camcast_push, camcast_record, camcast_rtmp, camcast_rtsp]
print(camcast.__file__, camcast_rtmp.__file__, form(), sep="\\n")
print({plugin.native.extension is not None for plugin in plugins})
"""


def forms(installed: Path) -> list[str]:
    """Which form is installed there, of the core, and whether its plugins have their own."""
    core, plugin, *found = said(installed, FORM).splitlines()
    assert Path(core).parent.parent == Path(plugin).parent.parent == installed
    return found


@needs_compiler
def test_with_a_compiler_it_is_built(tmp_path: Path) -> None:
    done = install(tmp_path / "there")
    assert not done.returncode, done.stderr
    assert forms(tmp_path / "there") == ["native", "{True}"]


@pytest.mark.parametrize("without", [NOWHERE, BROKEN, {"CAMCAST_NATIVE": "0"}], ids=["none", "broken", "not wanted"])
def test_without_one_it_is_pure_python_and_works(tmp_path: Path, without: dict[str, str]) -> None:
    there = tmp_path / "there"
    done = install(there, **without)
    assert not done.returncode, done.stderr
    assert forms(there) == ["pure Python (it was not built)", "{False}"]
    assert list(there.rglob("*.so")) == []


def test_without_one_the_demo_runs(tmp_path: Path) -> None:
    there = tmp_path / "there"
    done = install(there, **NOWHERE)
    assert not done.returncode, done.stderr
    demo = subprocess.run(
        [sys.executable, "-m", "camcast", "demo", "--seconds", "12", "--clips", str(CLIPS)],
        env=environment(PYTHONPATH=str(there)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert not demo.returncode, demo.stdout + demo.stderr
    stream = {"source": {"type": "testsrc"}, "rtmp": {"url": "rtmp://127.0.0.1/live/cam"}}
    (tmp_path / "c.json").write_text(json.dumps({"cameras": [{"camera_id": 0, "streams": [stream]}]}))
    code = "import sys; sys.argv = ['camcast', 'check', '../c.json']; from camcast.cli import main; main()"
    assert said(there, code).splitlines()[-1] == "fast path: pure Python (it was not built)"


@pytest.mark.parametrize("without", [NOWHERE, BROKEN], ids=["none", "broken"])
def test_where_it_is_asked_for_its_absence_is_an_error(tmp_path: Path, without: dict[str, str]) -> None:
    done = install(tmp_path / "there", **without, CAMCAST_NATIVE="1")
    assert done.returncode
    assert "CAMCAST_NATIVE is 1, but the C form cannot be built" in done.stdout + done.stderr


def tree(into: Path) -> Path:
    """A copy of what an installation is made from."""
    for name in ("core", "plugins"):
        shutil.copytree(ROOT / name, into / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, into / name)
    return into


def editable(there: Path, **more: str) -> list[str]:
    """What lies in the tree after an editable installation."""
    code = "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(there)],
        cwd=there,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert not done.returncode, done.stderr
    return sorted(path.parent.parent.name for path in there.rglob("*.so"))


PARTS = ["camcast", "camcast_aac", "camcast_file", "camcast_push", "camcast_record", "camcast_rtmp", "camcast_rtsp"]
"""That have a C form."""


@needs_compiler
def test_an_editable_installation_has_it_beside_its_source(tmp_path: Path) -> None:
    there = tree(tmp_path)
    assert editable(there) == PARTS
    assert editable(there) == PARTS, "and anew"


@needs_compiler
def test_one_that_was_built_before_is_not_left_where_it_can_not_be_built_now(tmp_path: Path) -> None:
    there = tree(tmp_path)
    assert editable(there)
    assert editable(there, **NOWHERE) == []


@needs_compiler
def test_where_the_last_cannot_be_built_no_other_is_left(tmp_path: Path) -> None:
    there = tree(tmp_path)
    port = there / "plugins/transports/camcast_rtmp/native/port.c"
    port.write_text(f"#error no\n{port.read_text(encoding='utf-8')}", encoding="utf-8")
    assert editable(there) == []
