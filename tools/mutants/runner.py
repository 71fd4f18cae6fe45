"""Puts mutants into copies of the tree and runs their tests there. The tree itself is not touched."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import attrs
from tools.mutants.mutant import Mutant

ROOT = Path(__file__).parent.parent.parent
LEFT_OUT = (
    ".git",
    ".venv",
    ".cache",
    "node_modules",
    "__pycache__",
    "results",
    "build",
    "dist",
    ".*_cache",
    ".hypothesis",
)
SHARED = (".cache", "tests/servers/node_modules")
"""Large, and read only."""
PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin")
"""What the tests need. Loading all that is installed takes as long as most of the runs."""
PER_TEST, PER_RUN, PER_NAME = 180, 400, 15
"""Seconds: of one test, more than the most patient of them waits; of a run; and what a run has more for each test or
file of tests that it names, as those that noticed something are run all together. One that hangs has noticed too."""
ENDLESS = "a run that does not end"
_ENDED = re.compile(r"^Timeout \(", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+\.py(?:::.+?)?)(?: - .*)?$", re.MULTILINE)


class Broken(Exception):
    """The tests could not be run at all, or fail without any mutant."""


@attrs.frozen
class Verdict:
    mutant: Mutant
    killed_by: str
    """The first test that failed; "" = none: it survived."""


class Tree:
    """A copy of the project to spoil."""

    def __init__(self, place: Path) -> None:
        self.root = place
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        for name in SHARED:
            if (ROOT / name).exists():
                (place / name).symlink_to(ROOT / name)
        folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["dev-mode-dirs"]
        # Before the installed project, which is the tree that is not to be touched.
        path = os.pathsep.join(str(place / folder) for folder in folders)
        self._environment = {**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        # What has a twin in C is spoilt in Python, so that must run.
        self._environment["CAMCAST_NATIVE"] = "0"
        self._seconds = itertools.count(int(time.time()))

    def failing(self, tests: Sequence[str], but: Sequence[str] = ()) -> str:
        """The first test that fails, `but` those left out; "" when all pass. Raises `Broken`."""
        command = [sys.executable, "-m", "pytest", *PLUGINS, "-x", "-q", "--tb=line", "-rfE", f"--timeout={PER_TEST}"]
        command += [f"--deselect={test}" for test in but]
        try:
            done = subprocess.run(
                [*command, "-p", "no:cacheprovider", *tests],
                capture_output=True,
                text=True,
                cwd=self.root,
                env=self._environment,
                timeout=PER_RUN + PER_NAME * len(tests),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return ENDLESS
        if done.returncode == 0:
            return ""
        failed = first_failed(done.stdout, done.stderr)
        if done.returncode != 1 or not failed:
            raise Broken(f"pytest ends with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-1000:]}")
        return failed

    def judge(self, mutant: Mutant) -> Verdict:
        before = mutant.apply(self.root)
        self._changed(mutant.file)
        try:
            return Verdict(mutant, noticed(self.failing, mutant.tests))
        finally:
            (self.root / mutant.file).write_text(before)
            self._changed(mutant.file)

    def _changed(self, file: str) -> None:
        """By its bytecode, a file changed twice within a second would be taken for the one before."""
        second = next(self._seconds)
        os.utime(self.root / file, (second, second))


def first_failed(told: str, errors: str = "") -> str:
    """The first test that pytest says has failed, as it takes it again; "" = none.

    `ENDLESS` where one heeded no interruption, so that its process was ended (`tests/watchdog.py`), as `errors` tell.
    """
    if found := _FAILED.search(told):
        return found[1]
    return ENDLESS if _ENDED.search(errors) else ""


def noticed(failing: Callable[[Sequence[str], Sequence[str]], str], tests: Sequence[str]) -> str:
    """The first of `tests` that fails, and fails again alone; "" = none. Others failed by chance, and are left out.

    `failing(tests, but)` tells the first one that fails of `tests` without those of `but`.
    """
    by_chance: list[str] = []
    while (failed := failing(tests, by_chance)) and failed != ENDLESS and not failing((failed,), ()):
        by_chance.append(failed)
    return failed


def prove(failing: Callable[[Sequence[str], Sequence[str]], str], verdicts: Sequence[Verdict]) -> None:
    """Run what noticed mutants where there is none. Raises `Broken` when it fails: then it has noticed something else.

    `failing` as for `noticed`.
    """
    tests = {
        test
        for verdict in verdicts
        for test in (verdict.mutant.tests if verdict.killed_by == ENDLESS else (verdict.killed_by,))
    } - {""}
    if tests and (failed := noticed(failing, sorted(tests))):
        raise Broken(f"{failed} fails without any mutant")


def judge(mutants: Sequence[Mutant], folder: Path, jobs: int) -> Iterator[Verdict]:
    """The verdicts, in order; to be proven. Raises `Stale` and `Broken`."""
    for mutant in mutants:
        mutant.check(ROOT)
    if not mutants:
        return
    trees: SimpleQueue[Tree] = SimpleQueue()
    for number in range(jobs):
        trees.put(Tree(folder / f"tree{number}"))

    def one(mutant: Mutant) -> Verdict:
        tree = trees.get()
        try:
            return tree.judge(mutant)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, mutants)
