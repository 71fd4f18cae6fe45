"""The shape of `session/`: small classes that know only what they are handed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import camcast.session

ROOM = Path(camcast.session.__path__[0])
FILES = sorted(ROOM.glob("*.py"))
MOST_ATTRIBUTES = 20
MOST_LINES = 300
SNAPSHOTS = {"SessionMetrics"}
"""Frozen, and nothing but the figures that are shown."""


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                yield path.stem, node


def _attributes(node: ast.ClassDef) -> set[str]:
    """What an instance holds: fields of the class, and whatever a method sets on `self`."""
    found = {
        item.target.id for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    for inner in ast.walk(node):
        targets: list[ast.expr] = []
        if isinstance(inner, ast.Assign):
            targets = inner.targets
        elif isinstance(inner, ast.AnnAssign | ast.AugAssign):
            targets = [inner.target]
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                    found.add(part.attr)
    return found


CLASSES = {f"{module}.{node.name}": node for module, node in _classes()}


@pytest.mark.parametrize("name", CLASSES)
def test_no_class_is_a_lump(name: str) -> None:
    node = CLASSES[name]
    assert (node.end_lineno or 0) - node.lineno < MOST_LINES
    if node.name not in SNAPSHOTS:
        assert len(_attributes(node)) <= MOST_ATTRIBUTES, sorted(_attributes(node))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_not_known_yet_is_not_there_to_be_asserted(path: Path) -> None:
    assert not [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]


def test_what_stands_beside_a_session_does_not_know_it() -> None:
    """Nor its supervisor: neither to use, nor for types."""
    allowed = {"session", "supervisor", "session_manager"}
    for path in FILES:
        if path.stem in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("camcast.session.session", "camcast.session.supervisor"), path.name


def test_no_file_imports_one_that_imports_it() -> None:
    """Imports inside functions and for types alone counted."""
    imports = {
        path.stem: {
            node.module.rpartition(".")[2]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("camcast.session.")
        }
        for path in FILES
    }
    floors: set[str] = set()
    while rest := {stem for stem in imports if stem not in floors}:
        next_floor = {stem for stem in rest if imports[stem] <= floors}
        assert next_floor, f"a circle among {sorted(rest)}"
        floors |= next_floor
