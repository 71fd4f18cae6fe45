"""Python is started so that files of the working directory are never run: there is one way to start it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from camcast.interpreter import NOWHERE, PIPE, bare_environment, begin, interpreter
from camcast.testing.conformance.listing import heavy_imports

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("flag", ["-I", "-E", "-s", "-P"])
def test_it_looks_for_modules_nowhere_where_its_parent_does_not(flag: str) -> None:
    code = "from camcast.interpreter import interpreter; print(*interpreter()[1:])"
    told = subprocess.run([sys.executable, flag, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert flag in told.stdout.split()
    assert "-P" in told.stdout.split()


def test_a_plain_parent_has_plain_children() -> None:
    assert interpreter()[:2] == [sys.executable, "-P"]


def test_what_is_begun_with_a_bare_environment_finds_its_modules_and_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_KEY", "correct-horse")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/srt")
    code = "import camcast, os; print(*sorted(os.environ.items()))"
    with begin("-c", code, stdin=NOWHERE, stdout=PIPE, env=bare_environment()) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"('LD_LIBRARY_PATH', '/opt/srt')" in said
    assert b"('PYTHONHASHSEED', '7')" in said
    assert b"horse" not in said


def test_nothing_of_ours_starts_python_by_itself() -> None:
    """`-c` and `-m` put the working directory first, where anybody may have left a `json.py`."""
    doors = {
        str(path.relative_to(ROOT))
        for folder in ("core", "plugins", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if "sys.executable" in path.read_text()
    }
    assert doors == {"core/camcast/interpreter.py"}


def test_listing_a_plugin_runs_no_file_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the working directory was run')")
    monkeypatch.chdir(tmp_path)
    heavy_imports.cache_clear()
    assert heavy_imports("camcast_testsrc") == ()


TURNS = """
import sys, camcast.cli.run, camcast.engine.worker
from camcast.interpreter import hurry, rest, take_turns

def told(): print(round(1e6 * sys.getswitchinterval()), end=" ")

{steps}
"""


@pytest.mark.parametrize(
    ("steps", "turns"),
    [
        ("told(); take_turns(); told()", [5000, 1000]),
        ("take_turns(); hurry(); told(); hurry(); rest(); told(); rest(); told()", [200, 200, 1000]),
        ("hurry(); told(); take_turns(); told(); rest(); told()", [5000, 200, 1000]),
        ("hurry(); rest(); told()", [5000]),
    ],
)
def test_processes_of_our_own_let_others_go_on_sooner_and_others_stay_as_they_are(steps: str, turns: list[int]) -> None:
    code = TURNS.format(steps=steps)
    told = subprocess.run([*interpreter(), "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert [int(one) for one in told.stdout.split()] == turns


def test_every_process_of_our_own_does_so() -> None:
    """Where an engine is run by a process that is ours alone."""
    users = {
        str(path.relative_to(ROOT / "core" / "camcast"))
        for path in (ROOT / "core").rglob("*.py")
        if "ours.settle()" in path.read_text(encoding="utf-8")
    }
    assert users == {
        *("cli/carry_out.py", "cli/check.py", "cli/demo.py", "cli/fleet_run.py", "cli/init.py"),
        "engine/worker.py",
    }
