"""Results for people and programs: tables on the terminal and in README.md, a plot, JSON."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import psutil
from rich.console import Console
from rich.table import Table

from bench.clips import MAIN, TITLES
from bench.comparison import Row
from bench.end_to_end import Delay
from bench.reach import Reach

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent.parent / "README.md"
SHOWN = {"camcast file": "camcast", "ffmpeg": "ffmpeg, a process each", "librtmp": "python-librtmp, a thread each"}
"""Rows of the short table: the same work, done by camcast and by what is usual."""
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def machine() -> str:
    cores = psutil.cpu_count() or 1
    return f"{cores} cores, {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"


def tables(console: Console, rows: Sequence[Row], aims: Sequence[Reach], delay: Delay | None) -> None:
    table = Table(title=f"Senders to nginx-rtmp, {time.strftime('%Y-%m-%d')}, {machine()}")
    for name in (
        *("sender", "streams", "clip", "", "CPU % a stream", "spread", "× bare", "wakes / preempted a s"),
        *("MB", "MB a stream", "frames", "lost"),
    ):
        table.add_column(name, justify="left" if name in ("sender", "clip", "") else "right")
    table.add_column("source to socket, ms\np50 / p99 / max", justify="right")
    last = None
    for row in rows:
        if last is not None and row.case.group != last:
            table.add_section()
        last = row.case.group
        bare = next((one for one in rows if one.case.way == "bare" and one.case.group == last), None)
        table.add_row(*_cells(row, bare), style="" if row.valid else "red")
    console.print(table)
    aims_table = Table(title="Aims")
    for name in ("what", "aim", "got", ""):
        aims_table.add_column(name)
    for aim in aims:
        aims_table.add_row(aim.what, aim.aim, aim.got, "reached" if aim.reached else "[red]not reached[/]")
    console.print(aims_table)
    if delay is not None:
        console.print(
            f"End to end, test picture to decoded at a player through nginx-rtmp: p50 {delay.p50:.0f} ms, "
            f"p99 {delay.p99:.0f} ms, max {delay.max:.0f} ms, {delay.pictures} pictures, {delay.missing} missing"
        )


def _cells(row: Row, bare: Row | None) -> list[str]:
    """`bare`: the row of the same work done by the bare loop."""
    case = row.case
    start = [case.sender, str(case.streams), TITLES[case.clip], "RTMPS" if case.secure else "RTMP"]
    if not row.good:
        what = "invalid" if row.runs else "not run"
        return [*start, what, *[""] * 5, str(row.frames), row.error or str(row.lost), ""]
    low, high = row.spread
    figures = [f"{row.cpu:.3f}", f"{low:.3f}–{high:.3f}", "", f"{row.wakes:.0f} / {row.preempted:.0f}"]
    if bare is not None:
        ratio, least, most = row.ratio(bare)
        figures[2] = f"{ratio:.2f} ({least:.2f}–{most:.2f})"
    figures += [f"{row.memory:.0f}", f"{row.memory / case.streams:.2f}"]
    lost = str(row.lost) if row.valid else f"{row.lost} INVALID {row.error}"
    return [*start, *figures, str(row.frames), lost, " / ".join(f"{delay:.2f}" for delay in row.delays)]


def save(rows: Sequence[Row], aims: Sequence[Reach], delay: Delay | None, name: str) -> Path:
    """JSON of everything, and the plot beside it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "machine": machine(),
        "rows": [
            attrs.asdict(row)
            | {"valid": row.valid, "cpu": row.cpu, "memory": row.memory, "lost": row.lost}
            | {"wakes": row.wakes, "preempted": row.preempted}
            for row in rows
        ],
        "aims": [attrs.asdict(aim) for aim in aims],
        "end_to_end": attrs.asdict(delay) if delay else None,
    }
    path.write_text(json.dumps(found, indent=1))
    plot(rows, path.with_suffix(".png"))
    return path


def plot(rows: Sequence[Row], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    lines: dict[str, list[Row]] = {}
    for row in rows:
        if row.case.clip == MAIN and not row.case.secure and row.good:
            lines.setdefault(row.case.sender, []).append(row)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.5))
    for sender, found in sorted(lines.items()):
        found.sort(key=lambda row: row.case.streams)
        streams = [row.case.streams for row in found]
        low, high = zip(*(row.spread for row in found), strict=True)
        (line,) = left.plot(streams, [row.cpu for row in found], marker="o", label=sender)
        left.fill_between(streams, low, high, alpha=0.15, color=line.get_color())
        right.plot(streams, [row.memory for row in found], marker="o", label=sender)
    for axes, title in ((left, "CPU, % of one core a stream"), (right, "memory of all (PSS), MB")):
        axes.set(xscale="log", yscale="log", xlabel="streams", title=title)
        axes.grid(visible=True, which="both", alpha=0.25)
    left.legend(fontsize=8)
    figure.suptitle(f"{TITLES[MAIN]} to nginx-rtmp: {machine()}, {time.strftime('%Y-%m-%d')}")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def markdown(rows: Sequence[Row], delay: Delay | None, command: str) -> str:
    """The short table for the README, by what `command` measured: the most streams that the most senders were given."""
    by_streams: dict[int, list[Row]] = {}
    for row in rows:
        if row.case.clip == MAIN and not row.case.secure and row.good and row.case.sender in SHOWN:
            by_streams.setdefault(row.case.streams, []).append(row)
    streams, shown = max(by_streams.items(), key=lambda found: (len(found[1]), found[0]), default=(0, []))
    head = (
        f"{streams} streams of {TITLES[MAIN]} 1080p30 H.264 + AAC to nginx-rtmp over loopback; {machine()}; "
        f"{time.strftime('%Y-%m-%d')}; `{command}`. All others, and what was tried: "
        "[docs/performance.md](docs/performance.md)."
    )
    lines = [
        head,
        "",
        "| sender | CPU, % of a core a stream | memory in all, MB | frames lost |",
        "|---|---|---|---|",
        *(f"| {SHOWN[row.case.sender]} | {row.cpu:.2f} | {row.memory:.0f} | {row.lost} |" for row in shown),
    ]
    if delay is not None:
        lines += [
            "",
            f"From the picture's making to decoded at a player: {delay.p50:.0f} ms (median), {delay.p99:.0f} ms (p99).",
        ]
    return "\n".join(lines)


def write_readme(text: str) -> None:
    """Put `text` between the marks in README.md."""
    page = README.read_text()
    block = f"{BEGIN}\n{text}\n{END}"
    if BEGIN in page:
        before, _, rest = page.partition(BEGIN)
        page = before + block + rest.partition(END)[2]
    else:
        page = page.replace("BENCH_TABLE", block)
    README.write_text(page)
