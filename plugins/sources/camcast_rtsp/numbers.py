"""Numbers in a peer's text, read strictly: ASCII digits and nothing else, within a length. No I/O."""

from __future__ import annotations


def whole(text: str, digits: int = 9) -> int | None:
    """A number of at most so many digits, spaces and tabs around it; None for anything else."""
    text = text.strip(" \t")
    return int(text) if 0 < len(text) <= digits and text.isascii() and text.isdigit() else None
