"""Runs the rows of a plan, interleaved: once through all of a group, then again, so that a busy moment hits all."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from bench.case import Case, Missing, Run, frames_per_second, measure
from bench.server import BenchServer


@attrs.define
class Row:
    """A case and its runs."""

    case: Case
    runs: list[Run] = attrs.field(factory=list)
    delays: list[float] = attrs.field(factory=list)
    """ms from the source's hand-over to the end of the send: p50, p99, max."""
    missing: str = ""

    @property
    def good(self) -> list[Run]:
        return [run for run in self.runs if run.valid]

    @property
    def valid(self) -> bool:
        """Nothing was lost in any run."""
        return bool(self.runs) and len(self.good) == len(self.runs)

    @property
    def cpu(self) -> float:
        """Median, % of a core a stream."""
        return statistics.median(run.cpu for run in self.good) if self.good else float("nan")

    @property
    def spread(self) -> tuple[float, float]:
        values = [run.cpu for run in self.good] or [float("nan")]
        return min(values), max(values)

    def ratio(self, bare: Row) -> tuple[float, float, float]:
        """Median, least and most of what a run took, by what the run of `bare` beside it took: times its CPU."""
        pairs = zip(self.runs, bare.runs, strict=False)
        found = sorted(run.cpu / floor.cpu for run, floor in pairs if run.valid and floor.valid and floor.cpu)
        return (statistics.median(found), found[0], found[-1]) if found else (float("nan"),) * 3

    @property
    def wakes(self) -> float:
        """A second."""
        return statistics.median(run.wakes for run in self.good) if self.good else float("nan")

    @property
    def preempted(self) -> float:
        """A second."""
        return statistics.median(run.preempted for run in self.good) if self.good else float("nan")

    @property
    def memory(self) -> float:
        return statistics.median(run.memory for run in self.good) if self.good else float("nan")

    @property
    def group(self) -> float:
        """MB held as groups of pictures."""
        return statistics.median(run.group for run in self.good) if self.good else 0.0

    @property
    def frames(self) -> int:
        return sum(run.frames for run in self.runs)

    @property
    def lost(self) -> int:
        return sum(run.lost for run in self.runs)

    @property
    def error(self) -> str:
        return self.missing or next((run.error for run in self.runs if run.error), "")


def run(
    cases: Sequence[Case], probes: Sequence[Case], *, rounds: int, seconds: float, tell: Callable[[str], object]
) -> list[Row]:
    """Measure `cases` `rounds` times each for `seconds`."""
    rows = {case: Row(case) for case in cases}
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, BenchServer(Path(folder) / "nginx") as server:
        groups: dict[tuple[str, bool, int], list[Row]] = {}
        for row in rows.values():
            frames_per_second(row.case.clip)
            groups.setdefault(row.case.group, []).append(row)
        for group in groups.values():
            for turn in range(rounds):
                for row in group[turn % len(group) :] + group[: turn % len(group)]:
                    _once(row, server, f"r{next(numbers)}x", seconds, tell)
        for case in probes:
            row = rows[case]
            if not row.missing:
                tell(f"{case.title}: delay")
                row.delays = measure(case, server, f"r{next(numbers)}x", seconds, probe=True).delays
    return list(rows.values())


def _once(row: Row, server: BenchServer, name: str, seconds: float, tell: Callable[[str], object]) -> None:
    if row.missing:
        return
    tell(row.case.title)
    try:
        found = measure(row.case, server, name, seconds)
    except Missing as error:
        row.missing = str(error)
        return
    if "No module named" in found.error:
        row.missing = f"not installed ({found.error.rpartition('No module named')[2].strip()})"
        return
    row.runs.append(found)
    time.sleep(0.3)
