"""The inputs that are kept of each target: one a line, in Base64, so that a change shows which came and went."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
MOST = 120
"""Inputs kept of one target."""
LARGEST = 1024
"""Bytes of one that is kept."""


def read(name: str) -> list[bytes]:
    path = FOLDER / f"{name}.txt"
    return [b64decode(line) for line in path.read_text().split()] if path.exists() else []


def write(name: str, inputs: Iterable[bytes]) -> None:
    """Keep the smallest of `inputs`."""
    kept = sorted({data for data in inputs if 0 < len(data) <= LARGEST}, key=lambda data: (len(data), data))[:MOST]
    lines = (b64encode(data).decode() + "\n" for data in kept)
    (FOLDER / f"{name}.txt").write_text("".join(lines))
