"""By what a machine's other users, or the folder that one is in, could get in: no program is started by its name, no
file is read in whatever encoding the machine has, and nothing of a known name lies among temporary files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("core", "plugins", "examples") for path in (ROOT / folder).rglob("*.py"))
STARTS = {"Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec"}
BY_A_SHELL = {"os.system", "os.popen", "subprocess.getoutput", "asyncio.create_subprocess_shell", "shutil.which"}
STARTERS = {"core/camcast/interpreter.py", "core/camcast/testing/conformance/listing.py"}
"""These start Python, by `camcast.interpreter`."""
TEMPORARY = {"core/camcast/cli/sockets.py"}
"""Looks whose the folder is; others let the system make one that nobody can guess."""


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def named(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def places(paths: list[Path]) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in paths}


def test_no_program_is_found_by_PATH() -> None:
    assert places([path for path in SOURCES if named(path) & {"subprocess", "multiprocessing", "pty"}]) == STARTERS
    for path in SOURCES:
        for name, _ in calls(path):
            assert name not in BY_A_SHELL, path
            assert not name.startswith(("os.exec", "os.spawn", "os.posix_spawn")), path


@pytest.mark.parametrize("place", sorted(STARTERS))
def test_what_is_started_is_this_interpreter(place: str) -> None:
    starts = [ast.unparse(call.args[0]) for name, call in calls(ROOT / place) if name.rpartition(".")[2] in STARTS]
    assert starts in (["[*interpreter(), *arguments]"], ["[*interpreter(), '-c', code]"])


def test_no_name_among_temporary_files_can_be_guessed() -> None:
    guessed = {"tempfile.gettempdir", "tempfile.mktemp", "gettempdir", "mktemp"}
    assert places([path for path in SOURCES if guessed & {name for name, _ in calls(path)}]) == TEMPORARY


def test_text_is_read_and_written_in_an_encoding_that_is_said() -> None:
    """Python's default is the locale's (PEP 597), and a service manager has another one than a shell."""
    wrong: list[str] = []
    for path in SOURCES:
        for name, call in calls(path):
            function = name.rpartition(".")[2]
            if name not in ("open", "io.open", "os.fdopen") and function not in ("read_text", "write_text"):
                continue
            if name == "read_text":  # a function of ours
                continue
            given = [ast.unparse(argument) for argument in call.args]
            keys = {word.arg for word in call.keywords}
            binary = any("b" in text for text in given[1:2]) or "os.devnull" in given
            if "encoding" not in keys and not binary:
                wrong.append(f"{path.relative_to(ROOT)}:{call.lineno}: {name}({', '.join(given)})")
    assert not wrong


def test_how_to_start_a_module_is_shown_without_the_working_directory() -> None:
    """`python -m` runs files of the working directory before anything of the module's, unless -P is given."""
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (*SOURCES, *ROOT.glob("docs/**/*.md"), ROOT / "README.md")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "python -m camcast_" in line
    ]
    assert not wrong


def test_a_part_of_pyav_is_imported_after_the_whole() -> None:
    """Plugins are imported side by side on threads. Whoever begins with a part holds what the whole needs, and gets a
    half of it: Python gives up one of two imports that wait for each other."""
    wrong = []
    for folder in ("core", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            parts = [number for number, line in enumerate(lines) if re.match(r"\s*(import av\.|from av\.)", line)]
            whole = [number for number, line in enumerate(lines) if re.fullmatch(r"\s*import av", line)]
            if parts and not (whole and whole[0] < parts[0]):
                wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []
