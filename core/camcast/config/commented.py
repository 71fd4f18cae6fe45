"""JSON with comments in front of keys, as a file for people is laid out. Reading it gives the values again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from camcast.printable import printable

WIDTH = 110
Comments = Mapping[str, Sequence[str]]
"""Lines by path: "" = in front of all, "cameras[0].name" = in front of that key."""


def commented(value: Mapping[str, Any], comments: Comments) -> str:
    """`value` as text, with a line's end. A short object or list that has no comment within stands in one line."""
    lines = [*_above("", comments, ""), *_lines(value, "", comments, "")]
    return "\n".join(lines) + "\n"


def _above(path: str, comments: Comments, indent: str) -> Iterator[str]:
    for line in comments.get(path, ()):
        yield f"{indent}// {printable(line)}".rstrip()


def _lines(value: Any, path: str, comments: Comments, indent: str) -> Iterator[str]:
    """The value's lines, the first one without its indentation."""
    flat = json.dumps(value, ensure_ascii=False)
    inside = any(key.startswith((f"{path}.", f"{path}[")) for key in comments) or not path
    if not isinstance(value, Mapping | list) or not value or (not inside and len(flat) + len(indent) < WIDTH):
        yield flat
        return
    listed = isinstance(value, list)
    items: list[tuple[str, str, Any]] = (
        [("", f"{path}[{index}]", item) for index, item in enumerate(value)]
        if isinstance(value, list)
        else [
            (f"{json.dumps(key, ensure_ascii=False)}: ", f"{path}.{key}" if path else key, item)
            for key, item in value.items()
        ]
    )
    yield "[" if listed else "{"
    deeper = indent + "  "
    for number, (key, below, item) in enumerate(items, 1):
        yield from _above(below, comments, deeper)
        first, *rest = _lines(item, below, comments, deeper)
        comma = "," if number < len(items) else ""
        body = [f"{deeper}{key}{first}", *rest]
        yield from body[:-1]
        yield body[-1] + comma
    yield indent + ("]" if listed else "}")
