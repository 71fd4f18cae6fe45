"""The plugin authors' pages say what is so: their files are written out, their programs run, their outputs compared.

The words behind a fence's language say what a block is: `file=NAME` is written to that file; `run` is a program;
`output` is what the program before it printed, where "…" stands for anything; `interrupt` is a program that runs until
Ctrl-C, and must end well. A `pyproject.toml` is built and
installed, and `test_*.py` are run by pytest.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.programs import beside
from tests.test_external_plugin import install

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "plugins").glob("*.md"))
SHOWN = [
    *PAGES,
    *(ROOT / "docs" / page for page in ("embedding.md", "configuration.md", "sessions.md")),
    ROOT / "README.md",
]
"""Pages of which every marked block is run."""
_FENCE = re.compile(r"^```(\w+)(?: +([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@attrs.frozen
class Block:
    language: str
    words: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(language, words or "", text) for language, words, text in _FENCE.findall(page.read_text())]


def matches(pattern: str, text: str) -> bool:
    """Line by line; "…" in a line stands for anything, alone in a line for any lines."""
    parts = [re.escape(line).replace("…", ".*") if line != "…" else None for line in pattern.strip().splitlines()]
    expression = "".join(r"(?:.*\n)*?" if part is None else part + r"\n" for part in parts)
    if parts[-1] is None:
        expression += r"(?:.*\n)*"
    return re.fullmatch(expression, text.strip() + "\n") is not None


def run(command: list[str], folder: Path, path: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def interrupt(code: str, folder: Path, path: str) -> str:
    """Run a program until it has printed something, then press Ctrl-C."""
    command = [sys.executable, "-u", "-c", code]
    environment = {**os.environ, "PYTHONPATH": path}
    pipe = subprocess.PIPE
    with beside(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe) as program:
        assert program.stdout is not None
        first = program.stdout.readline()
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert "Traceback" not in errors
    return first + rest


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_what_a_page_shows_works(page: Path, tmp_path: Path) -> None:
    folder, site = tmp_path / page.stem, tmp_path / "site"
    folder.mkdir()
    found = blocks(page)
    for block in found:
        if named := re.search(r"\bfile=(\S+)", block.words):
            (folder / named[1]).write_text(block.text)
    path = str(folder)
    if (folder / "pyproject.toml").exists():
        install(folder, site, tmp_path / "work")
        path = str(site)
    printed = ""
    ran = 0
    for block in found:
        if block.words == "run":
            # Addresses in the pages are fixed ones; here each run has a folder of its own.
            own = tmp_path / "files"
            own.mkdir(exist_ok=True)
            printed = run([sys.executable, "-c", block.text.replace("/tmp/camcast-lines", str(own))], tmp_path, path)
            ran += 1
        elif block.words == "interrupt":
            printed = interrupt(block.text, folder, path)
            assert printed.splitlines()[-1] == "All sessions have been ended in order."
            ran += 1
        elif block.words == "output":
            assert matches(block.text, printed), f"the page shows\n{block.text}\nand it printed\n{printed}"
    tests = sorted(map(str, folder.glob("test_*.py")))
    if tests:
        assert " passed" in run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], tmp_path, path
        )
    assert ran or tests, "this page shows nothing that runs"


def test_there_is_a_page_for_each_hook() -> None:
    from camcast.hooks import Hooks

    hooks = {name.removeprefix("camcast_") for name in vars(Hooks) if name.startswith("camcast_")}
    assert hooks | {"tutorial", "contract"} == {page.stem for page in PAGES}


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *ROOT.glob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "decisions").glob("*.md"),
    ],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_the_stable_modules_are_there() -> None:
    import importlib

    contract = (ROOT / "docs" / "plugins" / "contract.md").read_text()
    table = contract.partition("## Everything else")[0]
    rows = "".join(line for line in table.splitlines() if line.startswith("|"))
    names = re.findall(r"`(camcast\w*(?:\.\w+)*)`", rows)
    assert len(names) > 10
    for name in names:
        importlib.import_module(name)


def test_every_room_of_the_core_is_on_the_page_of_rooms() -> None:
    core = ROOT / "core" / "camcast"
    table = (ROOT / "docs" / "architecture.md").read_text().partition("| folder |")[2].partition("\n\n")[0]
    shown: set[str] = set()
    for row in table.splitlines()[2:]:
        folders, _, files = (re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|"))
        shown |= {folder.rstrip("/") for folder in folders}
        for file in files:
            places = [core if "*" in folder else core / folder for folder in folders]
            assert any((place / file).exists() or (core / file).exists() for place in places), file
    rooms = {path.parent.name for path in core.glob("*/__init__.py")}
    assert rooms == shown - {"core/camcast/*.py"}


def test_decisions_are_numbered_in_order_and_their_index_has_each() -> None:
    folder = ROOT / "docs" / "decisions"
    found = {}
    for path in sorted(folder.glob("[0-9]*.md")):
        title, _, day = path.read_text().splitlines()[:3]
        number = int(path.name[:4])
        assert title.startswith(f"# {number}. "), path.name
        assert re.fullmatch(r"\*Decided 20\d\d-\d\d-\d\d, .+\.\*", day), (
            f"{path.name}: the day, and whether it is in force"
        )
        found[number] = f"[{title.partition('. ')[2]}]({path.name}) | {day[9:19]} |"
    assert list(found) == list(range(1, len(found) + 1))
    assert len(found) > 40
    listed = re.findall(r"^\| (\d+) \| (.+)$", (folder / "index.md").read_text(), re.MULTILINE)
    assert len(listed) == len(found)
    assert {int(number): row for number, row in listed} == found
