"""The page of results, and what a row must show.

Rows are kept as JSON beside the page, so a run of some of them (`make hostile ONLY=SRT`) renews these and keeps the
others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import attrs

from tests.hostile.bench import Row, Side
from tests.hostile.peers import PEERS

RESULTS = Path(__file__).parents[2] / "bench" / "results"
TURN = 0.1
"""CPU seconds that one turn of the loop may take: a gap of the others is never longer because of us."""
GAP = 0.1
"""Seconds between two pictures, on a machine where the control has no longer ones."""
FEWEST = 45
"""Pictures of a side's three sessions: the shortest attack has 60 in its time. With fewer, nothing was looked at."""
HEADINGS = ("frames lost", "largest gap, ms", "longest turn, CPU ms", "CPU %", "memory, MB")

_BRACKETS = (
    "In brackets: three more good sessions, at the same time, in a process without hostile peers. "
    "A flood of datagrams has 20,000 a second and copy."
)


def faults(row: Row) -> list[str]:
    """What a row shows that it should not. Gaps are not judged here: those of a busy machine are nobody's fault."""
    peer, beside, control = PEERS[row.peer], row.beside, row.control
    found = {
        "the control lost frames: the machine is too busy to say anything": control.lost > 0,
        f"the control's sessions had {control.frames} pictures: the machine is too busy": control.frames < FEWEST,
        f"there were {beside.frames} pictures": beside.frames < FEWEST,
        "its attack was not seen to begin, or not answered": not row.shown,
        f"its session is not cut off with '{peer.says}' but with '{row.told}'": not peer.cut_off(row.told),
        f"{beside.lost} frames lost": beside.lost > 0,
        f"one turn of the loop took {beside.turn * 1000:.0f} ms of CPU": beside.turn >= max(TURN, 3 * control.turn),
        f"the good ones were told: {row.good_errors}": bool(row.good_errors),
        f"its own session, which is innocent, failed: {beside.failures}": peer.innocent and bool(beside.failures),
    }
    return [text for text, true in found.items() if true]


def late(row: Row) -> bool:
    """Whether the good ones had a gap that the control had not."""
    return row.beside.gap > GAP >= row.control.gap


class Table:
    """Rows by peer and copies, in a file."""

    def __init__(self, folder: Path = RESULTS) -> None:
        self._page, self._kept = folder / "hostile.md", folder / "hostile.json"
        rows = json.loads(self._kept.read_text()) if self._kept.exists() else []
        self._rows: dict[tuple[str, int], tuple[Row, str]] = {}
        for row, when in rows:
            self._add(_read(row), when)

    def add(self, row: Row) -> None:
        """Replace what was there, and write both files, so that an interrupted run is of use."""
        self._add(row, datetime.now(UTC).strftime("%Y-%m-%d %H:%M"))
        kept = [[attrs.asdict(row), when] for row, when in self._in_order()]
        self._kept.write_text(json.dumps(kept, indent=1) + "\n")
        self._page.write_text(self._text())

    def _add(self, row: Row, when: str) -> None:
        self._rows[row.peer, row.copies] = row, when

    def _in_order(self) -> Iterable[tuple[Row, str]]:
        for peer in PEERS:
            yield from (self._rows[key] for key in sorted(self._rows) if key[0] == peer)

    def _text(self) -> str:
        rows = [*self._in_order()]
        times = sorted(when for _, when in rows)
        bad = [f"- {row.peer}, {row.copies}: {text}" for row, _ in rows for text in _said(row)]
        return "\n".join(
            (
                "# Hostile peers beside three good sessions",
                "",
                f"Printed by `make hostile`, {len(rows)} rows from {times[0]} to {times[-1]} UTC. {_BRACKETS}",
                "",
                *(["Not as they should be:", "", *bad] if bad else ["All rows are as they should be."]),
                "",
                "| " + " | ".join(("peer", "copies", *HEADINGS)) + " |",
                "|---" * (2 + len(HEADINGS)) + "|",
                *(line(row) for row, _ in rows),
                "",
            )
        )


def _said(row: Row) -> list[str]:
    gap = f"a gap of {row.beside.gap * 1000:.0f} ms; the control's largest is {row.control.gap * 1000:.0f}"
    return [*faults(row), *([gap] if late(row) else [])]


def line(row: Row) -> str:
    """For the page; in brackets what the control did."""
    a, b = row.beside, row.control
    figures = ((a.gap, b.gap, 1000), (a.turn, b.turn, 1000), (a.cpu, b.cpu, 100), (a.memory, b.memory, 1))
    cells = [f"{a.lost} of {a.frames} ({b.lost})", *(f"{x * by:.0f} ({y * by:.0f})" for x, y, by in figures)]
    return f"| {row.peer} | {row.copies} | " + " | ".join(cells) + " |"


def _read(row: dict[str, object]) -> Row:
    sides = {name: Side(**row.pop(name)) for name in ("beside", "control")}  # type: ignore[arg-type]
    return Row(**row, **sides)  # type: ignore[arg-type]
