"""Every text that the code says of a trouble, so that a search for one finds what it means and who says it.

Collected from the source: what is raised, what is handed to those functions that tell something, and sentences that
others put together of. A part that is only known when it happens is "…".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from tools.site.tables import code, table

ROOT = Path(__file__).parent.parent.parent
LEAST = 3
"""Words of a text; what has fewer is a name."""
HOLE = "…"
_WORD = re.compile(r"[A-Za-z]{2,}")
PLACES: Mapping[str, str] = {
    "core/camcast/config": "Configuration",
    "plugins/configs": "Configuration",
    "core/camcast/url_template.py": "Configuration",
    "core/camcast/cli": "Command line",
    "plugins/sources": "Cameras and files",
    "plugins/discoverers": "Cameras and files",
    "core/camcast/camera": "Cameras and files",
    "plugins/transports": "Servers",
    "plugins/kits/camcast_kit_rtmp": "Servers",
    "core/camcast/session": "Servers",
    "core/camcast/net": "Servers",
    "core/camcast/stream": "Streams",
    "plugins/encoders": "Formats and encoders",
    "plugins/kits/camcast_kit_h26x": "Formats and encoders",
    "core/camcast/encode": "Formats and encoders",
    "core/camcast/bitstream": "Formats and encoders",
    "core/camcast/flv": "Formats and encoders",
    "core/camcast/pyav": "Formats and encoders",
    "plugins/services": "Services",
    "plugins/platforms": "Servers",
    "core/camcast/fleet": "Many machines",
    "plugins/coordinators": "Many machines",
}
"""Where a text belongs to, by what said it; all else is the engine's."""
REST = "Engine and plugins"
NO_TEXTS = frozenset(
    {"append", "cast", "compile", "debug", "endswith", "field", "get", "getattr", "hasattr", "hex", "join", "partition"}
    | {"replace", "rpartition", "setattr", "split", "startswith", "strip", "sub", "urlsplit"}
    | {"Argument", "Field", "Option", "Shown", "Typer", "command"}
)
"""Functions whose texts nobody is told."""


@attrs.frozen(order=True)
class Message:
    """One text, with what raises or tells it, and where that is."""

    place: str
    text: str
    by: str
    file: str

    @property
    def words(self) -> int:
        """How many stand there whatever happens."""
        return len(_WORD.findall(self.text))

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds it within what was said."""
        return re.compile(".*?".join(re.escape(part) for part in self.text.strip(HOLE).split(HOLE)), re.DOTALL)


def page() -> str:
    """The page."""
    lines = [
        "# All messages",
        "",
        (
            "Every text that says what is wrong, sorted by what it is about. What is only known when it happens "
            f"stands as “{HOLE}”. What to do about the usual ones: [Troubleshooting](../troubleshooting.md)."
        ),
    ]
    found = messages()
    for place in (*dict.fromkeys(PLACES.values()), REST):
        own = sorted(one for one in found if one.place == place)
        lines += ["", f"## {place}", ""]
        lines += table(("text", "from"), ((code(one.text), f"{code(one.file)}, {code(one.by)}") for one in own))
    return "\n".join(lines) + "\n"


def messages() -> set[Message]:
    """All of them."""
    return {
        message
        for folder in ("core", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for message in _of(path)
    }


def _of(path: Path) -> Iterator[Message]:
    file = str(path.relative_to(ROOT))
    place = next((name for start, name in PLACES.items() if file.startswith(start)), REST)
    for by, said in _said(ast.parse(path.read_text())):
        for text in _texts(said):
            if " " in text and (len(_WORD.findall(text)) >= LEAST or "expected" in text):
                yield Message(place, " ".join(text.split()), by, file.partition("/camcast")[2].lstrip("/") or file)


def _said(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What may be a text, and what takes it: a function that is called, or what gives it a name or hands it back."""
    for node in ast.walk(module):
        match node:
            case ast.Call(function, arguments, keywords) if (by := _name(function)) not in NO_TEXTS:
                named = [keyword.value for keyword in keywords if keyword.arg == "message"]
                yield from ((by, argument) for argument in (*arguments, *named))
            case ast.Return(ast.expr() as said):
                yield "return", said
            case ast.Assign([ast.Name(name)], said):
                yield name, said


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _texts(node: ast.expr) -> Iterator[str]:
    """The texts that an argument may be."""
    match node:
        case ast.Constant(str(text)):
            yield text
        case ast.JoinedStr(parts):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else HOLE for one in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
        case ast.BinOp(left=one, right=other):
            for first in _texts(one):
                for second in _texts(other):
                    yield first + second
        case ast.List(elts) | ast.Tuple(elts):
            for one in elts:
                yield from _texts(one)
        case ast.Dict(values=values):
            for one in values:
                yield from _texts(one)
