"""What was aimed at, and whether this run reached it: only from rows that were measured together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from bench.case import Case
from bench.clips import MAIN
from bench.comparison import Row
from bench.end_to_end import Delay


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

    def ffmpeg(self, most: int) -> Row | None:
        """FFmpeg at `most` streams, or at the most that were measured: its cost a stream is the same for any number."""
        return next((row for streams in (most, 16, 4, 1) if (row := self.get("ffmpeg", streams))), None)


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


def _cpu(rows: _Rows) -> Iterator[Reach]:
    for way, floor, streams, secure, factor in (
        ("push", "bare", 64, False, 1.5),
        ("fan-out", "bare", 64, False, 1.2),
        ("push", "bare", 16, True, 1.2),
        ("push", "bare", 64, True, 1.2),
    ):
        if pair := rows.both(way, floor, streams, secure=secure):
            ratio = pair[0].cpu / pair[1].cpu
            name = f"{way}, {streams} streams{', RTMPS' if secure else ''}: CPU against a bare send loop"
            yield Reach(name, f"≤ {factor} ×", f"{ratio:.2f} ×", ratio <= factor)
    for way, part in (("push", 8), ("file", 4), ("file", 3)):
        row, ffmpeg = rows.get(way, 64), rows.ffmpeg(64)
        if row and ffmpeg:
            ratio = ffmpeg.cpu / row.cpu
            name = f"{way}, 64 streams: CPU against ffmpeg, {ffmpeg.case.streams} streams"
            yield Reach(name, f"≤ 1/{part}", f"1/{ratio:.1f}", ratio >= part)
    few, many = rows.get("push", 16), rows.get("push", 256)
    if few and many:
        ratio = many.cpu / few.cpu
        yield Reach("push: CPU a stream at 256 against 16", "≤ 1.2 ×", f"{ratio:.2f} ×", ratio <= 1.2)


def _memory(rows: _Rows) -> Iterator[Reach]:
    for way, secure, aim in (("push", False, 64), ("file", False, 1000), ("read", False, 1000), ("push", True, 192)):
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
    for way in ("push", "file", "threads"):
        row = rows.get(way, 64)
        if row and row.delays:
            p99 = row.delays[1]
            yield Reach(f"{way}, 64 streams: source to socket, p99", "≤ 5 ms", f"{p99:.2f} ms", p99 <= 5)
    row = rows.get("file", 1000, clip="camera_1m")
    if row and row.delays:
        yield Reach(
            "file, 1000 × 1 Mbit/s: source to socket, p99", "≤ 50 ms", f"{row.delays[1]:.1f} ms", row.delays[1] <= 50
        )
    if delay:
        yield Reach("end to end, decoded, p99", "≤ 150 ms", f"{delay.p99:.0f} ms", delay.p99 <= 150)
