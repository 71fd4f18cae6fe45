"""All rows with 1, 4 and 16 copies: `python -m tests.hostile [--seconds 3] [--only WORD] [--copies 1 4 16]`.

Each row is written to `bench/results/hostile.md` as soon as it is there; `--only` renews rows and keeps the others.
Ends with 1 where a row that was run is not as it should be.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.hostile.bench import Bench, Row
from tests.hostile.peers import PEERS
from tests.hostile.script import OFTEN
from tests.hostile.table import Table, faults, late, line

COPIES = (1, 4, 16)
RATE = 20_000
"""Datagrams a second of one flood: here what counts is what they cost."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of each attack, or as long as it takes")
    parser.add_argument("--only", default="", help="peers with this in their name")
    parser.add_argument("--copies", type=int, nargs="*", default=COPIES)
    arguments = parser.parse_args()
    os.environ.setdefault(OFTEN, str(RATE))
    begun, table, bad = time.monotonic(), Table(), []
    names = [name for name in PEERS if arguments.only in name]
    for name in names:
        # Fresh processes for each peer: what one has left behind is not the next one's.
        with Bench() as bench:
            for copies in arguments.copies:
                row = bench.row(name, copies=copies, seconds=max(arguments.seconds, PEERS[name].seconds))
                table.add(row)
                if wrong := [*faults(row), *(["a gap"] if late(row) else [])]:
                    bad.append(row)
                _say(f"{line(row)}{'  <-- ' + '; '.join(wrong) if wrong else ''}")
            if missing := {one: count for one, count in bench.settle().items() if count}:
                _say(f"{name}: sent and not received: {missing}")
                bad.append(row)
    _end(names, bad, time.monotonic() - begun)


def _end(names: list[str], bad: list[Row], seconds: float) -> None:
    _say(f"{len(names)} peers in {seconds / 60:.1f} min; rows not as they should be: {len(bad)}")
    for row in bad:
        _say(f"  {row.peer}, {row.copies} copies")
    sys.exit(not names or bool(bad))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
