"""What regulators cost: sixteen outputs that follow their links, and the same sixteen without, in turns.

One small encoded picture goes to one local server sixteen times by `camcast run`. Measured is the processor time of the
whole process; pairs are taken in turns, so that a machine that is busy is so for both. Reach: 2 % more.

    python -m bench.adapt_cost [--pairs 5] [--seconds 20]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.servers.process import wait_for

from bench.dead import spent, started
from bench.peers import Peer
from bench.report import Row, keep, show

OUTPUTS = 16
MOST = 2.0
"""% more."""


def configuration(peer: Peer, *, adapts: bool) -> dict[str, Any]:
    adapt = {"adapt": {"min": 200, "max": 1000, "together": True}} if adapts else {}
    return {
        "cameras": [
            {
                "streams": [
                    {
                        "source": {"type": "testsrc"},
                        "encoder": {"type": "H264_CBR", "width": 320, "height": 180, "framerate": 30, "bitrate": 1000},
                        "outputs": {f"out{n}": {"url": peer.url(f"{n}"), **adapt} for n in range(OUTPUTS)},
                    }
                ]
            }
        ]
    }


def measure(folder: Path, seconds: float, *, adapts: bool) -> float:
    """% of one core."""
    peer = Peer(keep=False).start()
    file, log = folder / "cost.json", folder / "log"
    file.write_text(json.dumps(configuration(peer, adapts=adapts)))
    with log.open("w") as errors:
        process = started(file, errors)
    try:
        wait_for(lambda: log.read_text().count(" connected to ") >= OUTPUTS, timeout=60, why="all are on the air")
        began, before = time.monotonic(), spent(process.pid)
        time.sleep(seconds)
        return 100 * (spent(process.pid) - before) / (time.monotonic() - began)
    finally:
        process.terminate()
        process.communicate(timeout=30)
        peer.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(asked.pairs):
            order = (False, True) if pair % 2 else (True, False)
            found = {adapts: measure(Path(folder), asked.seconds, adapts=adapts) for adapts in order}
            more = 100 * (found[True] / found[False] - 1)
            rows.append({"pair": pair, "without_%": found[False], "with_%": found[True], "more_%": more})
    middle = statistics.median(row["more_%"] for row in rows)
    show(f"{OUTPUTS} outputs with and without a regulator: {middle:+.1f} % in the middle", rows)
    print(keep("adapt-cost", rows, reach=f"at most {MOST:g} % more", median=round(middle, 2)))
    return 0 if middle <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
