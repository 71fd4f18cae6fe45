"""Who may import whom: the core no plugin, a plugin no other, nobody in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import imports

ROOT = Path(__file__).parent.parent
KINDS_OF_PLUGIN = (
    "configs",
    "coordinators",
    "discoverers",
    "encoders",
    "kits",
    "platforms",
    "services",
    "sources",
    "transports",
)
DOORS = {"host": "hosting", "options": "config", "__main__": "cli"}
"""Files beside the rooms that are names for what is in one, for whoever comes from outside; they belong to it."""
FOLDERS = [ROOT / "core", *(path for path in sorted((ROOT / "plugins").iterdir()) if path.is_dir())]
MODULES = imports.modules(FOLDERS)
FILES = imports.graph(MODULES)


def _drawn() -> list[list[str]]:
    """Rooms of the core from the top down, a list for each floor, as the architecture's page draws them."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = page.partition("## The rooms")[2].split("```\n")[1]
    return [re.split(r" {4,}", line)[0].split() for line in drawing.splitlines()]


FLOORS = {room: number for number, rooms in enumerate(_drawn()) for room in rooms}
"""From the top down; 0 is the highest."""


def _distribution(module: str) -> str:
    return module.partition(".")[0]


def _room(module: str) -> str:
    """The floor of the core that a module is on: the folder below `camcast`, or itself where it stands in none."""
    return ".".join(module.split(".")[:2])


def _is_kit(module: str) -> bool:
    return (ROOT / "plugins" / "kits") in MODULES[module].parents


def test_the_reading_finds_all_ways_to_import(tmp_path: Path) -> None:
    texts = {
        "a/__init__.py": "from .b import x",
        "a/b.py": "def f():\n    from a import c",
        "a/c.py": "import a.d, typing\nif typing.TYPE_CHECKING:\n    import a.b\nelse:\n    import e",
        "a/d.py": "from ..a.c import y\nfrom . import b, something",
        "e.py": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = imports.graph(imports.modules([tmp_path]))
    assert found == {"a": {"a.b"}, "a.b": {"a.c"}, "a.c": {"a.d", "e"}, "a.d": {"a", "a.b", "a.c"}, "e": set()}
    assert imports.circles(found) == [["a", "a.b", "a.c", "a.d", "a"]]
    assert imports.circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_every_folder_of_plugins_is_built() -> None:
    assert [path.name for path in FOLDERS[1:]] == sorted(KINDS_OF_PLUGIN)


@pytest.mark.parametrize("distribution", sorted({_distribution(name) for name in MODULES}))
def test_nobody_imports_a_plugin_but_itself(distribution: str) -> None:
    """Kits are there for plugins to import; the core imports nothing of `plugins/`, and a kit only other kits."""
    crossing = [
        f"{name} imports {target}"
        for name, targets in FILES.items()
        for target in targets
        if _distribution(name) == distribution
        and _distribution(target) not in (distribution, "camcast")
        and (distribution == "camcast" or not _is_kit(target))
    ]
    assert crossing == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert [" -> ".join(circle) for circle in imports.circles(FILES)] == []


def test_no_room_of_the_core_imports_itself_by_way_of_others() -> None:
    room = {name: _room(name) for name in MODULES if _distribution(name) == "camcast"}
    files = {name: {target for target in FILES[name] if target in room} for name in room}
    rooms = imports.grouped(files, room)
    assert len(rooms) > 20
    assert [" -> ".join(circle) for circle in imports.circles(rooms)] == []


def _drawn_room(module: str) -> str:
    """As the drawing names it: `*.py` is what stands beside the rooms."""
    name = module.partition(".")[2].partition(".")[0]
    room = DOORS.get(name, name)
    return room if room and (ROOT / "core" / "camcast" / room).is_dir() else "*.py"


def test_the_drawing_has_every_room() -> None:
    assert {_drawn_room(name) for name in FILES if _distribution(name) == "camcast"} == FLOORS.keys()


@pytest.mark.parametrize("room", FLOORS)
def test_a_floor_knows_nothing_of_those_above_it(room: str) -> None:
    mine = [name for name in FILES if _distribution(name) == "camcast" and _drawn_room(name) == room]
    assert mine
    others = [(name, other) for name in mine for other in FILES[name] if _distribution(other) == "camcast"]
    up = [f"{name} imports {other}" for name, other in others if FLOORS[_drawn_room(other)] < FLOORS[room]]
    assert up == []


def test_what_is_called_a_worker_is_a_process() -> None:
    """Threads, tasks and encoders have words of their own; only these rooms are about processes."""
    rooms = {f"camcast.{room}" for room in ("workers", "engine", "cli", "config", "events", "descriptors")}
    word = re.compile(r"(?<!net)worker(?! process)", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for module, path in MODULES.items()
        if _distribution(module) == "camcast" and _room(module) not in rooms
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("floor", ["fleet", "engine", "workers", "camera", "session", "stream", "encode"])
def test_no_class_is_a_lump(floor: str) -> None:
    """At most 300 lines and 20 attributes of its own. A frozen record of figures does nothing, so it may have more."""
    for module, path in MODULES.items():
        if _room(module) != f"camcast.{floor}":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not _is_record(node):
                assert (node.end_lineno or 0) - node.lineno < 300, f"{module}.{node.name}"
                assert len(set(_attributes(node))) <= 20, f"{module}.{node.name}"


def _is_record(cls: ast.ClassDef) -> bool:
    """A frozen value without a method that does anything: properties at most."""
    frozen = any(ast.unparse(one).startswith("attrs.frozen") for one in cls.decorator_list)
    methods = [node for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozen and all(any(ast.unparse(one) == "property" for one in node.decorator_list) for node in methods)


def _attributes(cls: ast.ClassDef) -> Iterator[str]:
    """What a class sets on `self`, or declares as a field."""
    for node in ast.walk(cls):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
    yield from (
        node.target.id for node in cls.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    )
