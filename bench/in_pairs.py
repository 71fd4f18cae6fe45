"""What something costs: `camcast run` with it and without it at the same time, so that whatever else the machine does
concerns both, in several pairs, as two processes alike differ by some percent for as long as they run.

Sixteen outputs go to one local server; measured is the processor time of the whole process once all are on the air.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from math import comb
from pathlib import Path
from typing import Any

import attrs
from tests.servers.process import wait_for

from bench import meter
from bench.dead import started
from bench.peers import Peer
from bench.report import Row, keep, show

OUTPUTS = 16
SETTLE = 3.0
"""Seconds on the air before anything is measured: what is loaded with the first pictures is no running cost."""
SURE = 0.9
"""How likely the true middle is within what is told as its bounds."""

Configuration = Callable[[Peer, Path, bool], dict[str, Any]]
"""Is given the server, a folder of its own, and whether what is measured is in it."""


@attrs.frozen
class Costs:
    """Of all pairs: the middle of what it costs more, with its bounds."""

    points: float
    """% of one core."""
    more: float
    """% of what it is without."""
    bounds: tuple[float, float]
    """Of `more`."""


class Running:
    """One process on the air."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.figures: dict[str, Any] = {}
        """Its own, once it has ended."""

    def spent(self) -> float:
        """Seconds of processor so far."""
        return meter.cpu([self._process.pid])

    def end(self) -> None:
        self._process.terminate()
        self.figures = json.loads(self._process.communicate(timeout=30)[0])

    @property
    def dropped(self) -> int:
        """Frames, as it says at its end."""
        return sum(session["frames_dropped"] for session in self.figures["sessions"])


@contextlib.contextmanager
def running(configuration: Configuration, connected: int, *, with_it: bool) -> Iterator[Running]:
    """`connected`: sessions of which each says that it is."""
    with contextlib.ExitStack() as stack:
        peer = Peer(keep=False).start()
        stack.callback(peer.kill)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file, log = folder / "cost.json", folder / "log"
        file.write_text(json.dumps(configuration(peer, folder, with_it)))
        with log.open("w") as errors:
            process = started(file, errors)
        stack.callback(process.wait)
        stack.callback(process.kill)
        wait_for(lambda: log.read_text().count(" connected to ") >= connected, timeout=60, why="all are on the air")
        yield Running(process)


def measure(seconds: float, configuration: Configuration, more: int, *, first: bool) -> Row:
    """One pair, of which the one with it starts first, or last."""
    with contextlib.ExitStack() as stack:
        both = {
            with_it: stack.enter_context(running(configuration, OUTPUTS + more * with_it, with_it=with_it))
            for with_it in (first, not first)
        }
        time.sleep(SETTLE)
        began, before = time.monotonic(), {it: one.spent() for it, one in both.items()}
        time.sleep(seconds)
        took = time.monotonic() - began
        used = {it: 100 * (one.spent() - before[it]) / took for it, one in both.items()}
        for one in both.values():
            one.end()
        return {
            "without_%": round(used[False], 2),
            "with_%": round(used[True], 2),
            "more_%": round(100 * (used[True] / used[False] - 1), 2),
            "dropped": sum(one.dropped for one in both.values()),
        }


def bounds(values: Sequence[float], sure: float = SURE) -> tuple[float, float]:
    """Between which the middle of all that could have been measured lies, so likely: by order alone, so that one pair
    that something else disturbed moves nothing. All of `values` where they are too few to say."""
    ordered, outside, left_out = sorted(values), 0, 0
    for left in range(len(ordered) // 2):
        outside += comb(len(ordered), left)
        if 2 * outside > (1 - sure) * 2 ** len(ordered):
            break
        left_out = left
    return ordered[left_out], ordered[-1 - left_out]


def compare(
    description: str | None,
    name: str,
    title: str,
    configuration: Configuration,
    *,
    reach: str,
    reached: Callable[[Costs], bool],
    more: int = 0,
) -> int:
    """Measure pairs, show and keep them. `more`: sessions that there are with it and not without. Returns the exit
    status: whether that much was reached."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    rows: list[Row] = [
        {"pair": pair, **measure(asked.seconds, configuration, more, first=bool(pair % 2))}
        for pair in range(asked.pairs)
    ]
    points = statistics.median(row["with_%"] - row["without_%"] for row in rows)
    ratios = [row["more_%"] for row in rows]
    costs = Costs(points, statistics.median(ratios), bounds(ratios))
    between = f"{costs.bounds[0]:+.1f} to {costs.bounds[1]:+.1f}"
    show(f"{title}: {points:+.2f} % of a core, {costs.more:+.1f} % more in the middle ({between})", rows)
    print(keep(name, rows, reach=reach, points=round(points, 2), more=round(costs.more, 2), bounds=list(costs.bounds)))
    return 0 if reached(costs) and not sum(row["dropped"] for row in rows) else 1
