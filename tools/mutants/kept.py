"""Verdicts kept from run to run: a long run may be ended at any time, and the next one goes on where it was.

One file a mutant, in `.cache/mutants`. It says on which tree the mutant was run, by a digest of all that a verdict
depends on; on another tree it is run again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import attrs
from tools.mutants.mutant import Mutant
from tools.mutants.runner import Verdict

FOLDERS = ("core", "plugins", "tests", "bench", "examples", "tools")
SUFFIXES = {".py", ".c", ".h", ".json", ".bin", ".toml"}
_MADE = {"__pycache__", "node_modules", "site-packages"}


def tree(root: Path) -> str:
    """Of the sources, tests and tools below `root`, and of what runs them: Python and each package's release."""
    packages = sorted(f"{one.name} {one.version}" for one in distributions())
    digest = hashlib.sha256("\n".join((sys.version, *packages, "")).encode())
    for path in _sources(root):
        digest.update(f"{path.relative_to(root)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _sources(root: Path) -> Iterator[Path]:
    yield root / "pyproject.toml"
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file() and not _MADE & set(path.relative_to(root).parts):
                yield path


@attrs.frozen
class Kept:
    """Those of one tree."""

    folder: Path
    tree: str

    def of(self, mutant: Mutant) -> Verdict | None:
        """None = it has not been run on this tree."""
        try:
            said = json.loads(self._file(mutant).read_text())
        except (OSError, ValueError):
            return None
        return Verdict(mutant, said["killed_by"]) if said["tree"] == self.tree else None

    def keep(self, verdict: Verdict) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        said = {"mutant": verdict.mutant.name, "tree": self.tree, "killed_by": verdict.killed_by}
        file = self._file(verdict.mutant)
        half = file.with_suffix(".part")
        half.write_text(json.dumps(said, indent=1) + "\n")
        half.replace(file)

    def _file(self, mutant: Mutant) -> Path:
        return self.folder / f"{hashlib.sha256(repr(mutant).encode()).hexdigest()[:16]}.json"
