"""Rows of figures as a table on the terminal and as JSON in `bench/results`."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
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


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
