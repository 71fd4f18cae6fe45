"""What the page of rooms says of this one: the states that the table has, and all of its files."""

from __future__ import annotations

import re
from pathlib import Path

import camcast.session
from camcast.session.state import diagram

PAGE = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()


def test_the_documented_diagram_is_generated_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in PAGE


def test_each_file_of_a_session_is_on_the_page_once() -> None:
    table = PAGE.partition("## The life of an attempt")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    shown = [file for row in rows for file in re.findall(r"`(\w+\.py)`", row)]
    assert sorted(shown) == sorted(path.name for path in Path(camcast.session.__path__[0]).glob("[a-z]*.py"))
