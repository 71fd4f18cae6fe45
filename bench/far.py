"""A server far away: when the first picture comes, and what a time without link costs. camcast beside FFmpeg.

Each run is a process that plays a clip over a link of its own: TUN devices with a delay, a rate and a queue of 300 ms
(`tests/far/path.py`). It flows, then the link is away for 0.5, 1.5 and 4 s, with time to recover after each. The same
receiver for both senders says which pictures came, and when: ours for RTMP, which takes a stream that begins anew as
real servers do, srt-live-transmit for SRT.

    python -m bench.far [--quick | --brief] [--jobs N] [--only WORD …] [--again]

The whole takes about three hours, `--quick` a quarter of one, `--brief` seven minutes, and it may be done in
pieces: each run's line is written to `bench/results/far.md` as soon as there is one, beside those of earlier days, and
cases that have one are passed over unless `--again` says so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path as File
from typing import Any

import attrs
from tests.compare import Media
from tests.far.clips import FPS, GRADES, clip, numbers
from tests.far.growth import Growth
from tests.far.journey import Picture, Pictures, camcast, ffmpeg
from tests.far.path import Path, available
from tests.servers.process import wait_for
from tests.servers.srt import LiveTransmit

from bench.peers import Peer, slices
from bench.report import RESULTS, Row, keep, show, write_markdown

ROUND_TRIPS = (0.05, 0.15, 0.3, 0.6)
ROOM = (2.5, 1.1)
"""The link's rate, in rates of the stream."""
CUTS = (0.5, 1.5, 4.0)
FLOW = 6.0
"""Seconds before the first cut."""
RECOVERY = 10.0
"""Seconds from a cut's end to the next; what comes later counts as lost there."""
SECONDS = 75
"""Of the clip."""
NAME = "far"
LATENCIES = 4
"""SRT's latency in round trips, at least 0.4 s: its authors' rule."""


@attrs.frozen
class Case:
    transport: str
    sender: str
    grade: str
    round_trip: float
    room: float
    congestion: str

    @property
    def latency(self) -> int:
        """SRT's, ms."""
        return round(max(0.4, LATENCIES * self.round_trip) * 1000)

    def __str__(self) -> str:
        return (
            f"{self.transport} {self.sender} {self.grade} {self.round_trip * 1000:.0f}ms x{self.room:g} "
            f"{self.congestion}"
        )


@attrs.frozen
class Run:
    """What came of one."""

    pictures: Pictures
    began: float
    """When the first packet left."""
    cuts: Sequence[tuple[float, float]]
    """(since, until)."""
    ended: float


def cases(quick: bool, brief: bool = False) -> Iterator[Case]:
    """`brief`: of the quick ones those with Linux's own congestion control."""
    few = quick or brief
    trips, grades, rooms = (ROUND_TRIPS, tuple(GRADES), ROOM) if not few else ((0.15, 0.3), ("medium",), (2.5,))
    for grade, trip, room in itertools.product(grades, trips, rooms):
        for congestion, sender in itertools.product(available()[: 1 if brief else None], ("camcast", "ffmpeg")):
            yield Case("rtmp", sender, grade, trip, room, congestion)
        for sender in ("camcast", "ffmpeg"):
            yield Case("srt", sender, grade, trip, room, "")


def run(case: Case) -> Run:
    grade = GRADES[case.grade]
    with ExitStack() as stack:
        folder = File(stack.enter_context(tempfile.TemporaryDirectory(prefix="camcast-far-")))
        path = Path(
            round_trip=case.round_trip, rate=case.room * grade.bitrate, near=True, congestion=case.congestion or None
        )
        stack.enter_context(path)
        wanted = clip(case.grade, SECONDS)
        receive = _rtmp if case.transport == "rtmp" else _srt
        return receive(case, stack, folder, path, wanted)


def _rtmp(case: Case, stack: ExitStack, folder: File, path: Path, wanted: File) -> Run:
    peer = stack.enter_context(Peer(host=path.address, prefix=tuple(path.prefix)))
    numbers = {slices(unit.data): number for number, unit in enumerate(Media.read(wanted).video)}
    sender = stack.enter_context(_sender(case, folder, path, wanted, peer.url("cam")))
    wait_for(lambda: peer.ask("first", "cam", 0), timeout=40, why="the first picture")
    cuts = _cut(path)
    sender.end()
    ended = time.monotonic()
    time.sleep(case.round_trip + 1.0)  # what is under way
    came = [Picture(numbers[digest], at / 1e9) for at, digest in peer.ask("slices", "cam")]
    return Run(Pictures(came), path.counts()[0].began, cuts, ended)


def _srt(case: Case, stack: ExitStack, folder: File, path: Path, wanted: File) -> Run:
    tool = stack.enter_context(
        LiveTransmit(folder, host=path.address, prefix=path.prefix, query=f"latency={case.latency}", again=True)
    )
    growth = stack.enter_context(Growth(tool.output))
    # FFmpeg counts microseconds.
    latency = case.latency * (1000 if case.sender == "ffmpeg" else 1)
    sender = stack.enter_context(_sender(case, folder, path, wanted, tool.url(f"latency={latency}&pkt_size=1316")))
    wait_for(lambda: growth.size > 0, timeout=40, why="the first picture")
    cuts = _cut(path)
    sender.end()
    ended = time.monotonic()
    time.sleep(case.latency / 1000 + 1.0)
    tool.stop()
    media = growth.dated(Media.read(tool.output))
    return Run(Pictures.of(media, numbers(wanted), torn=True), path.counts()[0].began, cuts, ended)


def _sender(case: Case, folder: File, path: Path, wanted: File, url: str) -> Any:
    start = camcast if case.sender == "camcast" else ffmpeg
    return start(folder, path, wanted, url)


def _cut(path: Path) -> list[tuple[float, float]]:
    cuts = []
    time.sleep(FLOW)
    for seconds in CUTS:
        began = time.monotonic()
        path.cut(seconds)
        cuts.append((began, began + seconds))
        time.sleep(seconds + RECOVERY)
    return cuts


def row(case: Case, found: Run) -> Row:
    """One line of the table. Seconds, pictures, and the share of all that should have come."""
    pictures = found.pictures
    edges = [pictures.first, *(began for began, _ in found.cuts), found.ended]
    lost = [pictures.lost(since, until) for since, until in itertools.pairwise(edges)]
    figures: Row = {
        "transport": case.transport,
        "sender": case.sender,
        "stream Mbit/s": GRADES[case.grade].bitrate / 1e6,
        "round trip ms": round(case.round_trip * 1000),
        "room": case.room,
        "congestion": case.congestion or f"latency {case.latency} ms",
        "first picture s": round(pictures.first - found.began, 2),
        "lost before": lost[0],
    }
    for (_, until), missing, seconds in zip(found.cuts, lost[1:], CUTS, strict=True):
        figures[f"{seconds:g} s: back after s"] = _seconds(pictures.next_after(until, until + RECOVERY))
        figures[f"{seconds:g} s: lost"] = missing
        figures[f"{seconds:g} s: then late s"] = _seconds(pictures.late(until + RECOVERY - 2, until + RECOVERY))
    return figures


def _seconds(value: float | None) -> float | str:
    return "never" if value is None else round(value, 2)


def measure(case: Case) -> Row:
    busy = round(os.getloadavg()[0], 1)
    try:
        found = row(case, run(case))
    except (AssertionError, ValueError) as error:
        # No picture at all is a result too.
        found = {"transport": case.transport, "sender": case.sender, "first picture s": f"{case}: {error}"[:200]}
    return {**found, "day": time.strftime("%m-%d"), "load": busy}


class Results:
    """The table as it stands, by case; written anew with each line."""

    def __init__(self, path: File = RESULTS / f"{NAME}.json") -> None:
        self.rows: dict[str, Row] = {}
        if path.exists():
            self.rows = {row.pop("case"): row for row in json.loads(path.read_text())["rows"]}

    def add(self, case: Case, found: Row) -> File:
        self.rows[str(case)] = found
        order = {str(one): number for number, one in enumerate(cases(quick=False))}
        named = sorted(self.rows.items(), key=lambda item: order.get(item[0], len(order)))
        keep(NAME, [{"case": name, **row} for name, row in named], pictures_a_second=FPS)
        # A line with all columns first: those of a run that brought nothing are few.
        rows = [row for _, row in named]
        columns = dict.fromkeys(key for row in sorted(rows, key=len, reverse=True) for key in row)
        return write_markdown(
            NAME,
            "A server far away",
            [{column: row.get(column, "") for column in columns} for row in rows],
            _NOTE,
            facts=[f"{len(rows)} of the {len(order)} cases"],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2.5 Mbit/s, 150 and 300 ms, with room only")
    parser.add_argument("--brief", action="store_true", help="the same with one congestion control: seven minutes")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side; 1 on a machine of two processors")
    parser.add_argument("--only", nargs="+", metavar="WORD", help='cases whose name holds all of these: "rtmp" "300ms"')
    parser.add_argument("--again", action="store_true", help="also cases that have a line")
    options = parser.parse_args()
    results = Results()
    todo = [
        case for case in cases(options.quick, options.brief) if all(word in f"{case} " for word in options.only or ())
    ]
    todo = [case for case in todo if options.again or str(case) not in results.rows]
    for grade in {case.grade for case in todo}:
        clip(grade, SECONDS)
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for case, found in zip(todo, pool.map(measure, todo), strict=True):
            rows.append(found)
            written = results.add(case, found)
            print(f"{len(rows)} of {len(todo)}: {case}, written to {written}", flush=True)
    show("A server far away", rows)


_NOTE = """A picture is lost when it never comes although later ones do. "Back": seconds from the link's return to the
next picture. "Late": how much later than the best of the run pictures come, ten seconds after it. FFmpeg ends when its
connection is lost, and then never is back. "Load": the machine's, when the run began; above the number of its
processors other work ran beside it."""


if __name__ == "__main__":
    main()
