"""Rows of figures as a table on the terminal and as JSON in `bench/results`."""

from __future__ import annotations

import json
import os
import platform
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
WIDTH = 120
"""Of a note, in characters."""
Row = dict[str, Any]


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table; its columns are the rows' keys in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(title=title)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right" if column != columns[0] else "left")
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    Console(width=max(120, Console().width)).print(table)


def keep(name: str, rows: Sequence[Row], **more: Any) -> Path:
    """Write the rows to `bench/results/NAME.json`, with the machine's figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(one, 2) for one in os.getloadavg()],
    }
    path.write_text(json.dumps({**machine, **more, "rows": list(rows)}, indent=1) + "\n")
    return path


def markdown(rows: Sequence[Row]) -> str:
    """The same as a table of Markdown."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(column.replace("_", " ") for column in columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(str(row.get(column, "")) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def write_markdown(name: str, title: str, rows: Sequence[Row], note: str, *, facts: Sequence[str] = ()) -> Path:
    """Write a table to `bench/results/NAME.md`, with facts in a list and a note below."""
    path = RESULTS / f"{name}.md"
    items = "\n".join(f"- {fact}" for fact in facts)
    note = textwrap.fill(" ".join(note.split()), WIDTH)
    path.write_text(f"# {title}\n\n{markdown(rows)}\n\n{items}{chr(10) * 2 if items else ''}{note}\n")
    return path


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
