"""All rows with 1, 4 and 16 copies, and the page of results: `python -m tests.hostile [--seconds 8] [--only WORD]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.hostile.bench import Row, page, run, table
from tests.hostile.peers import PEERS

COPIES = (1, 4, 16)
RESULTS = Path(__file__).parents[2] / "bench" / "results" / "hostile.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="seconds for each row")
    parser.add_argument("--only", default="", help="peers with this in their name; then the page is not written")
    parser.add_argument("--copies", type=int, nargs="*", default=COPIES)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in PEERS:
        if arguments.only in name:
            for copies in arguments.copies:
                rows.append(run(name, copies=copies, seconds=arguments.seconds))
                sys.stdout.write(table(rows[-1:]).splitlines()[-1] + "\n")
                sys.stdout.flush()
                if not arguments.only:
                    RESULTS.write_text(page(rows))  # so that an interrupted run is of use


if __name__ == "__main__":
    main()
