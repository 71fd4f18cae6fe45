"""What something costs: `camcast run` with it and without it, in turns, so that a machine that is busy is so for both.

Sixteen outputs go to one local server; measured is the processor time of the whole process once all are on the air.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers.process import wait_for

from bench.dead import spent, started
from bench.peers import Peer
from bench.report import Row, keep, show

OUTPUTS = 16

Configuration = Callable[[Peer, Path, bool], dict[str, Any]]
"""Is given the server, a folder of its own, and whether what is measured is in it."""


def measure(seconds: float, configuration: Configuration, connected: int, *, with_it: bool) -> Row:
    """% of one core, and frames that were dropped; `connected`: sessions of which each says that it is."""
    peer = Peer(keep=False).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, log = folder / "cost.json", folder / "log"
        file.write_text(json.dumps(configuration(peer, folder, with_it)))
        with log.open("w") as errors:
            process = started(file, errors)
        try:
            wait_for(lambda: log.read_text().count(" connected to ") >= connected, timeout=60, why="all are on the air")
            began, before = time.monotonic(), spent(process.pid)
            time.sleep(seconds)
            used = 100 * (spent(process.pid) - before) / (time.monotonic() - began)
            process.terminate()
            figures = json.loads(process.communicate(timeout=30)[0])
        finally:
            process.kill()
            process.wait()
            peer.kill()
    return {"%": used, "dropped": sum(session["frames_dropped"] for session in figures["sessions"])}


def compare(
    description: str | None,
    name: str,
    title: str,
    configuration: Configuration,
    *,
    reach: str,
    reached: Callable[[float, float], bool],
    more: int = 0,
) -> int:
    """Measure pairs, show and keep them. `reached` is given the medians without and with it, in %; `more`: sessions
    that there are with it and not without. Returns the exit status: whether that much was reached."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    rows: list[Row] = []
    for pair in range(asked.pairs):
        order = (False, True) if pair % 2 else (True, False)
        found = {it: measure(asked.seconds, configuration, OUTPUTS + more * it, with_it=it) for it in order}
        without, with_it = found[False]["%"], found[True]["%"]
        rows.append(
            {
                "pair": pair,
                "without_%": round(without, 2),
                "with_%": round(with_it, 2),
                "more_%": round(100 * (with_it / without - 1), 2),
                "dropped": found[False]["dropped"] + found[True]["dropped"],
            }
        )
    middles = [statistics.median(row[column] for row in rows) for column in ("without_%", "with_%", "more_%")]
    show(f"{title}: {middles[1] - middles[0]:+.2f} % of a core, {middles[2]:+.1f} % more, in the middle", rows)
    print(keep(name, rows, reach=reach, medians=[round(one, 2) for one in middles]))
    return 0 if reached(middles[0], middles[1]) and not sum(row["dropped"] for row in rows) else 1
