"""The rooms of the core: what imports what, imports inside functions counted, those for types alone not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "camcast"
FLOORS = ("cli", "engine", "workers", "camera", "session", "stream")
"""From the top; each knows only what is below it."""


def _name(path: Path) -> str:
    parts = path.relative_to(CORE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name(path): path for path in sorted(CORE.rglob("*.py"))}


def _imported(node: ast.AST) -> Iterator[str]:
    """Modules named by imports anywhere below `node`, but for those that only type checkers see."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            for alias in names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in FILES else module
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


IMPORTS = {name: set(_imported(ast.parse(path.read_text()))) - {name} for name, path in FILES.items()}


def _room(name: str) -> str:
    """The package of the core that a file is in; a file beside them is a room of its own."""
    second = ".".join(name.split(".")[:2])
    return second if (CORE / second.removeprefix("camcast.")).is_dir() else name


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle, if there is any."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for follower in sorted(graph.get(node, ())):
            if found := walk(follower, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])


def test_a_circle_is_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_file_of_the_core_imports_itself_round_a_circle() -> None:
    assert len(FILES) > 150
    inside = {name: {other for other in imported if other in FILES} for name, imported in IMPORTS.items()}
    assert _circle(inside) == []


def test_no_room_of_the_core_imports_itself_round_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for name, imported in IMPORTS.items():
        others = {_room(other) for other in imported if other in FILES}
        rooms.setdefault(_room(name), set()).update(others - {_room(name)})
    assert _circle(rooms) == []


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_knows_nothing_of_those_above_it(floor: str) -> None:
    above = {f"camcast.{room}" for room in FLOORS[: FLOORS.index(floor)]}
    mine = {name: imported for name, imported in IMPORTS.items() if _room(name) == f"camcast.{floor}"}
    assert mine
    assert {name: found for name, imported in mine.items() if (found := {_room(o) for o in imported} & above)} == {}


def test_what_is_called_a_worker_is_a_process() -> None:
    """Threads, tasks and encoders have words of their own; only these rooms are about processes."""
    rooms = {"workers", "engine", "cli", "config", "events", "descriptors"}
    word = re.compile(r"(?<!net)worker(?! process)", re.IGNORECASE)
    found = [
        f"{path.relative_to(CORE)}:{number}: {line.strip()}"
        for module, path in FILES.items()
        if _room(module).removeprefix("camcast.") not in rooms
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert found == []
