"""Which file imports which, by reading: imports inside functions count, those for types alone do not."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]


def modules(roots: Iterable[Path]) -> dict[str, Path]:
    """Every module below the folders that are on the import path, by its dotted name."""
    found = {}
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(name: str, path: Path, known: Mapping[str, Path]) -> set[str]:
    """The modules among `known` that this one imports. `from package import module` is the module, if there is one."""
    found = set()
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(name, path, node)
            inner = [f"{base}.{alias.name}" for alias in node.names]
            found |= {module if module in known else base for module in inner}
    return found & known.keys() - {name}


def _base(name: str, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    up = node.level - (path.name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *((node.module or "").split(".") if node.module else [])])


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and _for_types(child.test):
            for other in child.orelse:
                yield other
                yield from _running(other)
            continue
        yield child
        yield from _running(child)


def _for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name | ast.Attribute) and ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def graph(known: Mapping[str, Path]) -> dict[str, set[str]]:
    return {name: imported(name, path, known) for name, path in known.items()}


def grouped(files: Graph, room: Mapping[str, str]) -> dict[str, set[str]]:
    """The graph of rooms: `room` says which one each file is in."""
    rooms: dict[str, set[str]] = {name: set() for name in room.values()}
    for name, targets in files.items():
        rooms[room[name]] |= {room[target] for target in targets} - {room[name]}
    return rooms


def circles(graph: Graph) -> list[list[str]]:
    """The shortest circle of each knot (set of nodes that all reach each other), as the path that closes it."""
    found: list[list[str]] = []
    seen: set[str] = set()
    for start in sorted(graph):
        path = _way_back(graph, start)
        if path and not seen & set(path):
            found.append(path)
        seen |= set(path)
    return found


def _way_back(graph: Graph, start: str) -> list[str]:
    """The shortest path from a node to itself, or nothing."""
    paths = {start: [start]}
    queue = [start]
    while queue:
        node = queue.pop(0)
        for target in sorted(graph.get(node, ())):
            if target == start:
                return [*paths[node], start]
            if target not in paths:
                paths[target] = [*paths[node], target]
                queue.append(target)
    return []
