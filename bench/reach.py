"""What was aimed at, and whether this run reached it: only from rows that were measured together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from bench.case import Case
from bench.clips import MAIN
from bench.comparison import Row
from bench.end_to_end import Delay

FEW = 5
"""Runs of a row below which its ratio says little."""


@attrs.frozen
class Reach:
    """One aim."""

    what: str
    aim: str
    got: str
    reached: bool


class _Rows:
    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {row.case: row for row in rows if row.good}

    def get(self, way: str, streams: int, *, clip: str = MAIN, secure: bool = False) -> Row | None:
        return self._rows.get(Case(way=way, streams=streams, clip=clip, secure=secure))

    def both(self, one: str, other: str, streams: int, *, secure: bool = False) -> tuple[Row, Row] | None:
        found = self.get(one, streams, secure=secure), self.get(other, streams, secure=secure)
        return found if found[0] and found[1] else None  # type: ignore[return-value]


FLOORS = (
    ("push", "bare", 64, False, 1.3),
    ("fan-out", "bare", 64, False, 1.15),
    ("push", "bare-records", 64, True, 1.1),
    ("push", "bare", 64, True, None),
    ("push", "bare", 1, False, 1.25),
)
"""Way, what it is held against, streams, over TLS, times its CPU at the most; None = told, and no aim."""
OTHERS = (
    ("push", 64, 1 / 5),
    ("file", 64, 1 / 4),
    ("push", 4, 1.0),
    ("file", 4, 1.0),
    ("file", 1, 1.0),
)
"""Way, streams, part of what as many processes of ffmpeg take."""


def reaches(rows: Sequence[Row], delay: Delay | None) -> list[Reach]:
    found = _Rows(rows)
    return [*_requirement(found, delay), *_cpu(found), *_memory(found), *_delays(found, delay)]


def _requirement(rows: _Rows, delay: Delay | None) -> Iterator[Reach]:
    if four := rows.get("file", 4):
        yield Reach("4 streams, CPU", "< 15 % of a core", f"{4 * four.cpu:.1f} %", 4 * four.cpu < 15)
    one, many = rows.get("file", 1), rows.get("file", 16)
    if one and many:
        more = many.memory - one.memory
        yield Reach("16 sessions, memory beyond the first", "< 64 MB", f"{more:.1f} MB", more < 64)
    if delay:
        yield Reach("end to end", "< 1 s", f"max {delay.max:.0f} ms", delay.max < 1000)


def _ratio(row: Row, other: Row) -> tuple[float, str]:
    """Median of what a run took by what the run of `other` beside it took; and for people, with the spread."""
    median, least, most = row.ratio(other)
    runs = min(len(row.good), len(other.good))
    few = f", {runs} runs" if runs < FEW else ""
    return median, f"{median:.2f} × ({least:.2f}–{most:.2f}{few})"


def _cpu(rows: _Rows) -> Iterator[Reach]:
    for way, floor, streams, secure, factor in FLOORS:
        if pair := rows.both(way, floor, streams, secure=secure):
            ratio, shown = _ratio(*pair)
            name = f"{way}, {streams} streams{', RTMPS' if secure else ''}: CPU against {pair[1].case.sender}"
            yield Reach(name, f"≤ {factor} ×" if factor else "", shown, factor is None or ratio <= factor)
    for way, streams, part in OTHERS:
        if pair := rows.both(way, "ffmpeg", streams):
            ratio, shown = _ratio(*pair)
            yield Reach(f"{way}, {streams} streams: CPU against ffmpeg", f"≤ {part:g} ×", shown, ratio <= part)
    few, many = rows.get("push", 16), rows.get("push", 256)
    if few and many:
        ratio = many.cpu / few.cpu
        yield Reach("push: CPU a stream at 256 against 16", "≤ 1.2 ×", f"{ratio:.2f} ×", ratio <= 1.2)
    for way in ("push", "file"):
        if row := rows.get(way, 1000, clip="camera_1m"):
            what = f"{row.lost} lost, {1000 * row.cpu:.0f} % of a core" if row.valid else row.error
            yield Reach(f"{way}, 1000 × 1 Mbit/s in one process: all in time", "0 lost", what, row.valid)


def _memory(rows: _Rows) -> Iterator[Reach]:
    for way, secure, aim in (("push", False, 48), ("file", False, 1000), ("read", False, 1000), ("push", True, 192)):
        measured = [row for streams in (1, 4, 16, 64, 256) if (row := rows.get(way, streams, secure=secure))]
        if len(measured) > 1:
            few, many = measured[-2:]
            more = many.case.streams - few.case.streams
            whole = 1000 * (many.memory - few.memory) / more
            own = whole - 1000 * (many.group - few.group) / more
            yield Reach(
                f"{way}, {'RTMPS' if secure else 'RTMP'}: memory of each further session beyond its group of pictures, "
                f"{few.case.streams} to {many.case.streams} streams",
                f"≤ {aim} KB",
                f"{own:.0f} KB (with it {whole:.0f})",
                own <= aim,
            )


def _delays(rows: _Rows, delay: Delay | None) -> Iterator[Reach]:
    for way, aim in (("push", 0.3), ("file", 0.3), ("threads", 2.0)):
        row = rows.get(way, 64)
        if row and row.delays:
            p99 = row.delays[1]
            yield Reach(f"{way}, 64 streams: source to socket, p99", f"≤ {aim} ms", f"{p99:.2f} ms", p99 <= aim)
    row = rows.get("file", 1000, clip="camera_1m")
    if row and row.delays:
        yield Reach(
            "file, 1000 × 1 Mbit/s: source to socket, p99", "≤ 50 ms", f"{row.delays[1]:.1f} ms", row.delays[1] <= 50
        )
    if delay:
        yield Reach("end to end, decoded, p99", "≤ 150 ms", f"{delay.p99:.0f} ms", delay.p99 <= 150)
