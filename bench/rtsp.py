"""What a camera costs: CPU of one core and memory per 1080p30 camera of 4 Mbit/s over RTSP, and the delay we add.

A real server (GStreamer) plays one clip to all cameras. Ways to take it, each in processes of its own:

    null    our source on one loop, its packets thrown away: what RTSP costs alone
    pyav    FFmpeg's RTSP demuxer through PyAV, a thread a camera, packets thrown away
    rtmp    `camcast run config.json`, RTSP in and RTMP out, to a real nginx
    engine  the same by a small program that embeds the engine, without the command line
    ffmpeg  `ffmpeg -rtsp_transport tcp -i … -c copy -f flv rtmp://…`, a process a camera, to the same nginx

CPU and memory (PSS, which divides what ffmpeg's processes share among them) are read from outside, pictures are counted
at nginx or by the reader; a run that brings fewer than 99 % is invalid. The ways take turns in each round. `seconds`
should be a multiple of the clip's 10, so that what nginx counts in bytes is a whole number of pictures.

Delay is measured in runs of its own, through a relay that notes when a picture's last byte goes to each viewer: to
the hand-over (null), to the end of the send to the RTMP socket (rtmp), to the demuxer's return (pyav). The server's own
unsteadiness is not in it.

    python -m bench.rtsp [--ways …] [--cameras …] [--seconds 10] [--rounds 2] [--append] [--no-delays | --only-delays]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.table import Table
from tests.media import made
from tests.servers.gst_rtsp import GstRtsp, loop

from bench import report
from bench.clips import FPS, MAIN
from bench.reach import Reach
from bench.rtsp_case import MOUNT, Delay, Run, Stand, delay, measure
from bench.server import BenchServer

WAYS = ("null", "pyav", "rtmp", "engine", "ffmpeg")
DELAYED = ("null", "pyav", "engine")
AIM_CAMERAS = 16
PATH = report.RESULTS / "rtsp.json"


@attrs.define
class Row:
    """One way with so many cameras, and its runs."""

    way: str
    cameras: int
    runs: list[Run] = attrs.field(factory=list)
    delays: list[Delay] = attrs.field(factory=list)
    error: str = ""

    @property
    def good(self) -> list[Run]:
        return [run for run in self.runs if run.valid]

    @property
    def valid(self) -> bool:
        lost = any(found.missing > found.pictures / 100 for found in self.delays)
        return not self.error and len(self.good) == len(self.runs) and not lost

    def median(self, what: str) -> float:
        return float(statistics.median([getattr(run, what) for run in self.good] or [float("nan")]))

    def shown(self, what: str, digits: int, part: int = 1) -> str:
        values = [getattr(run, what) / part for run in self.good]
        if not values:
            return ""
        return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"

    def delay(self, what: str) -> float:
        return float(statistics.median([getattr(found, what) for found in self.delays] or [float("nan")]))


def earlier() -> list[Row]:
    """What the file of results holds already."""
    if not PATH.exists():
        return []
    rows = json.loads(PATH.read_text())["rows"]
    return [
        Row(
            row["way"],
            row["cameras"],
            [Run(**run) for run in row["runs"]],
            [Delay(**found) for found in row["delays"]],
            row["error"],
        )
        for row in rows
    ]


def once(row: Row, stand: Stand, options: argparse.Namespace) -> None:
    try:
        if not options.only_delays:
            row.runs.append(measure(stand, row.way, row.cameras, options.seconds))
            time.sleep(0.3)
        if row.way in DELAYED and not options.no_delays:
            row.delays.append(delay(stand, row.way, row.cameras, options.seconds))
            time.sleep(0.3)
    except (RuntimeError, ValueError, OSError) as error:
        row.error = str(error)


def table(rows: Sequence[Row]) -> Table:
    found = Table(title=f"1080p30, 4 Mbit/s over RTSP, {FPS} pictures a second due: median (min–max)")
    found.add_column("way")
    for name in ("cameras", "CPU % a camera", "MB", "MB a camera", "pictures/s", "added ms\np50 / p99 / max", ""):
        found.add_column(name, justify="right")
    for number, row in enumerate(rows):
        if number and row.cameras != rows[number - 1].cameras:
            found.add_section()
        added = " / ".join(f"{row.delay(what):.1f}" for what in ("p50", "p99", "max")) if row.delays else ""
        found.add_row(
            row.way,
            str(row.cameras),
            row.shown("cpu", 2),
            row.shown("memory", 0),
            row.shown("memory", 1, row.cameras),
            row.shown("fps", 2),
            added,
            "" if row.valid else f"INVALID {row.error}",
        )
    return found


def reaches(rows: Sequence[Row]) -> Iterator[Reach]:
    at = {row.way: row for row in rows if row.cameras == AIM_CAMERAS}
    theirs = at.get("ffmpeg")
    for way, name in (("rtmp", "camcast run"), ("engine", "the engine alone")):
        ours = at.get(way)
        if ours and theirs and ours.good and theirs.good:
            valid = ours.valid and theirs.valid
            for what, shown, aim in (("cpu", "CPU", 0.5), ("memory", "memory", 0.1)):
                ratio = ours.median(what) / theirs.median(what)
                title = f"{AIM_CAMERAS} cameras, {name}: {shown} against ffmpeg's"
                yield Reach(title, f"≤ {aim:.2f} ×", f"{ratio:.2f} ×", valid and ratio <= aim)
    for way, where in (("null", "hand-over"), ("engine", "RTMP socket")):
        row = at.get(way)
        if row and row.delays:
            p99 = row.delay("p99")
            name = f"{AIM_CAMERAS} cameras: delay from last byte to {where}, p99"
            yield Reach(name, "≤ 20 ms", f"{p99:.1f} ms", row.valid and p99 <= 20)


def as_json(row: Row) -> dict[str, Any]:
    def rounded(one: Run | Delay) -> dict[str, Any]:
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in attrs.asdict(one).items()}

    whole = attrs.asdict(row, recurse=False)
    whole["runs"], whole["delays"] = [rounded(run) for run in row.runs], [rounded(found) for found in row.delays]
    return whole | {"valid": row.valid}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--cameras", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--append", action="store_true", help=f"add to the runs in {PATH.name}")
    parser.add_argument("--show", action="store_true", help=f"show what is in {PATH.name}, measure nothing")
    parser.add_argument("--no-delays", action="store_true")
    parser.add_argument("--only-delays", action="store_true")
    options = parser.parse_args()
    console = Console(width=max(130, Console().width))
    rows = {(row.cameras, row.way): row for row in (earlier() if options.append or options.show else ())}
    if not options.show:
        run(rows, options, console)
    ordered = sorted(rows.values(), key=lambda row: (row.cameras, WAYS.index(row.way)))
    aims = list(reaches(ordered))
    console.print(table(ordered))
    for aim in aims:
        console.print(f"{aim.what}: {aim.got}, aim {aim.aim}: {'reached' if aim.reached else 'NOT reached'}")
    if not options.show:
        path = report.keep("rtsp", [as_json(row) for row in ordered], aims=[attrs.asdict(aim) for aim in aims])
        console.print(str(path))


def run(rows: dict[tuple[int, str], Row], options: argparse.Namespace, console: Console) -> None:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        mount = loop(made(MAIN), "h264", FPS, folder / "units")
        with GstRtsp(folder / "camera", {MOUNT: mount}) as camera, BenchServer(folder / "nginx") as server:
            stand = Stand(camera, server, folder)
            for cameras in options.cameras:
                group = [rows.setdefault((cameras, way), Row(way, cameras)) for way in options.ways]
                for turn in range(options.rounds):
                    for row in group[turn % len(group) :] + group[: turn % len(group)]:
                        console.print(f"[dim]{row.way}, {cameras} cameras, round {turn + 1}[/]", highlight=False)
                        once(row, stand, options)


if __name__ == "__main__":
    main()
