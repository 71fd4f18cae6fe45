"""Faults that are put into the code on purpose: which test may say that it has noticed one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tools.mutants.kept import Kept, tree
from tools.mutants.mutant import Mutant, Stale
from tools.mutants.runner import ENDLESS, PLUGINS, ROOT, Broken, Verdict, first_failed, noticed, prove


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"a": "..", "b": ".."}, ""),
        ({"a": "..", "b": "FF"}, "b"),
        ({"a": "F.", "b": ".."}, ""),
        ({"a": "F.", "b": "FF"}, "b"),
        ({"a": "FF", "b": "FF"}, "a"),
    ],
)
def test_a_test_has_noticed_when_it_fails_again_alone(outcomes: Mapping[str, str], expected: str) -> None:
    """Each test with what it does among the others and then alone."""

    def failing(tests: Sequence[str], but: Sequence[str]) -> str:
        alone = len(tests) == 1
        return next((one for one in tests if one not in but and outcomes[one][alone] == "F"), "")

    assert noticed(failing, ("a", "b")) == expected


def test_what_never_ends_has_noticed_too() -> None:
    assert noticed(lambda tests, but: ENDLESS, ("a",)) == ENDLESS


@pytest.mark.parametrize(
    ("killed_by", "run"),
    [
        (["t.py::a", "t.py::b"], ["t.py::a", "t.py::b"]),
        (["t.py::b", "", "t.py::b"], ["t.py::b"]),
        ([ENDLESS, "t.py::b"], ["t.py", "t.py::b"]),
        ([""], None),
        ([], None),
    ],
)
def test_what_noticed_is_run_without_any_mutant(killed_by: list[str], run: list[str] | None) -> None:
    verdicts = [Verdict(Mutant("it", "a.py", "1", "2", ("t.py",)), test) for test in killed_by]
    asked: list[Sequence[str]] = []

    def failing(tests: Sequence[str], but: Sequence[str]) -> str:
        asked.append(tests)
        return "t.py::b" if "t.py::b" in tests and well is False else ""

    well = True
    prove(failing, verdicts)
    assert asked == ([] if run is None else [run])
    well = False
    if run is not None:
        with pytest.raises(Broken, match=r"t\.py::b fails without any mutant"):
            prove(failing, verdicts)


@pytest.mark.parametrize(
    "name", ["a.py::test_a", "a.py::test_a[1]", "a.py::test_a[of one byte]", "a.py::test_a[a[b] c]"]
)
def test_the_test_that_failed_is_told_with_all_of_its_name(name: str) -> None:
    assert first_failed(f"F.\n=== short test summary info ===\nFAILED {name} - assert 1 == 2\n1 failed\n") == name
    assert first_failed(f"ERROR {name}\nFAILED b.py::test_b\n") == name
    assert first_failed("2 passed in 0.1s\n") == ""
    assert first_failed(f"ERROR    camcast:event_log.py:112 refused\nFAILED {name} - lost\n") == name


def test_a_process_that_was_ended_as_a_test_heeded_nothing_has_noticed() -> None:
    code = "import faulthandler, time; faulthandler.dump_traceback_later(0.1, exit=True); time.sleep(60)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert first_failed("...", f"a warning\n{done.stderr}") == ENDLESS
    assert first_failed("FAILED a.py::test_a - lost\n", done.stderr) == "a.py::test_a"
    assert first_failed("...", "no such option\n") == ""


@pytest.mark.parametrize(
    ("old", "new", "tests", "said"),
    [
        ("x = 1", "x = 2", "test_a.py", "2 times"),
        ("y = 1", "y = 2", "test_a.py", "0 times"),
        ("z = 1", "z = (", "test_a.py", "not Python"),
        ("z = 1", "z = 2", "test_b.py", "no test test_b.py"),
        ("z = 1", "z = 2", "test_a.py::test_b", "no test test_a.py::test_b"),
    ],
)
def test_a_mutant_that_does_not_fit_says_why(tmp_path: Path, old: str, new: str, tests: str, said: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\nz = 1\n")
    (tmp_path / "test_a.py").write_text("def test_a(): ...\n")
    with pytest.raises(Stale, match=said):
        Mutant("it", "a.py", old, new, (tests,)).check(tmp_path)


def test_a_mutant_is_applied_to_a_copy(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "test_a.py").write_text("def test_a(): ...\n")
    assert Mutant("it", "a.py", "x = 1", "x = 2", ("test_a.py::test_a",)).apply(tmp_path) == "x = 1\n"
    assert (tmp_path / "a.py").read_text() == "x = 2\n"


def test_a_verdict_holds_for_the_tree_it_was_given_on(tmp_path: Path) -> None:
    source = tmp_path / "core" / "a.py"
    source.parent.mkdir()
    source.write_text("x = 1\n")
    (tmp_path / "pyproject.toml").write_text("")
    mutant = Mutant("it", "core/a.py", "x = 1", "x = 2", ("tests/test_a.py::test_a",))
    before = tree(tmp_path)
    Kept(tmp_path / "kept", before).keep(Verdict(mutant, "tests/test_a.py::test_a"))
    assert Kept(tmp_path / "kept", before).of(mutant) == Verdict(mutant, "tests/test_a.py::test_a")
    other = Mutant("it", "core/a.py", "x = 1", "x = 3", mutant.tests)
    assert Kept(tmp_path / "kept", before).of(other) is None
    (tmp_path / "core" / "a.txt").write_text("no source")
    assert tree(tmp_path) == before
    source.write_text("x = 1  # more\n")
    assert tree(tmp_path) != before
    assert Kept(tmp_path / "kept", tree(tmp_path)).of(mutant) is None


def test_tests_use_no_mark_that_is_unknown_where_mutants_run() -> None:
    """There only some of pytest's plugins are loaded, and an unknown mark ends the run before its first mutant."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGINS, "--markers"],
        cwd=ROOT, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    known = set(re.findall(r"^@pytest\.mark\.(\w+)", told, re.MULTILINE))
    used = {
        mark
        for file in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in file.parts
        for mark in re.findall(r"pytest\.mark\.(\w+)", file.read_text())
    }
    assert used - known == set()
