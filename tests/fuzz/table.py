"""The page of results of guided fuzzing: what of each target has run so far, in pieces of several days.

Rows are kept as JSON beside the page; a run of some targets (`make fuzz ONLY=amf0`) adds to theirs and keeps the
others.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import attrs

from tests.fuzz.targets import TARGETS

RESULTS = Path(__file__).parents[2] / "bench" / "results"
ENOUGH = 600
"""Seconds of a processor that each target is to have had."""
_EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_COVERED = re.compile(r"\bcov: (\d+)")


@attrs.frozen
class Piece:
    """What one run of one target came to."""

    seconds: int
    inputs: int
    branches: int
    """Ways through the code that were seen to be gone; 0 = it did not say."""
    finding: bool

    @classmethod
    def of(cls, said: str, seconds: int, *, finding: bool) -> Self:
        """By libFuzzer's own words, of one start or of several in a row."""
        counts, covered = _EXECUTED.findall(said), _COVERED.findall(said)
        return cls(seconds, sum(map(int, counts)), int(covered[-1]) if covered else 0, finding)


@attrs.frozen
class Row:
    """All runs of one target."""

    target: str
    last: str
    """When the last one ended."""
    seconds: int = 0
    inputs: int = 0
    branches: int = 0
    """In the last one."""
    findings: int = 0
    """Runs that ended with one; what was found is mended."""
    open: bool = False
    """The last one did."""

    def and_then(self, piece: Piece, when: str) -> Row:
        return Row(
            target=self.target,
            last=when,
            seconds=self.seconds + piece.seconds,
            inputs=self.inputs + piece.inputs,
            branches=piece.branches or self.branches,
            findings=self.findings + piece.finding,
            open=piece.finding,
        )


class Table:
    """Rows by target, in a file."""

    def __init__(self, folder: Path = RESULTS) -> None:
        self._page, self._kept = folder / "fuzz.md", folder / "fuzz.json"
        rows = json.loads(self._kept.read_text()) if self._kept.exists() else []
        self._rows = {row["target"]: Row(**row) for row in rows}

    def add(self, target: str, piece: Piece) -> None:
        """Add it to what was there, and write both files, so that an interrupted run is of use."""
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        self._rows[target] = self._rows.get(target, Row(target, when)).and_then(piece, when)
        self._kept.write_text(json.dumps([attrs.asdict(row) for row in self._in_order()], indent=1) + "\n")
        self._page.write_text(self._text())

    def lacks(self, target: str) -> int:
        """Seconds of its `ENOUGH` that it has not had."""
        return max(0, ENOUGH - (self._rows[target].seconds if target in self._rows else 0))

    def _in_order(self) -> list[Row]:
        """Those of the targets that there are."""
        return [self._rows[name] for name in TARGETS if name in self._rows]

    def _text(self) -> str:
        rows = self._in_order()
        done = sum(row.seconds >= ENOUGH for row in rows)
        never = [name for name in TARGETS if name not in self._rows]
        bad = [row.target for row in rows if row.open]
        ran = f"{done} of {len(TARGETS)} targets have had {ENOUGH} s of a processor. Branches are of the last run."
        return "\n".join(
            (
                "# Guided fuzzing",
                "",
                f"Printed by `make fuzz`, which adds to what ran before, on whichever tree that was: {ran}",
                "",
                f"With a finding that is not mended: {', '.join(bad)}." if bad else "No finding is left.",
                *(["", f"Never run: {', '.join(never)}."] if never else []),
                "",
                "| target | last run, UTC | seconds in all | inputs in all | branches | runs with a finding |",
                "|---|---|---|---|---|---|",
                *(line(row) for row in rows),
                "",
            )
        )


def line(row: Row) -> str:
    """For the page."""
    cells = (row.target, row.last, f"{row.seconds:,}", f"{row.inputs:,}", f"{row.branches:,}", str(row.findings))
    return "| " + " | ".join(cells) + " |"
