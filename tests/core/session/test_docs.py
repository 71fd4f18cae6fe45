"""The state diagram in the docs is the one that the table generates."""

from __future__ import annotations

from pathlib import Path

from camcast.session.state import diagram


def test_the_documented_diagram_is_generated_from_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "architecture.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in page
