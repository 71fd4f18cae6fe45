"""What a further session takes of memory beyond its group of pictures: few and many pushed streams, in turns.

python -m bench.memory [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from bench.case import Case, frames_per_second, measure
from bench.clips import MAIN
from bench.server import BenchServer

FEW, MANY = 8, 72
SECONDS = 8.0
AIM = 48.0
"""KB."""


def own(server: BenchServer, streams: int, name: str) -> float:
    """MB that the sender takes, without groups of pictures."""
    run = measure(Case(way="push", streams=streams), server, name, SECONDS)
    if not run.valid:
        raise SystemExit(f"{streams} streams: {run.error or f'{run.lost} frames lost'}")
    return run.memory - run.group


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    found = []
    frames_per_second(MAIN)  # which takes longer at first than a sender waits
    with tempfile.TemporaryDirectory() as folder, BenchServer(Path(folder) / "nginx") as server:
        for turn in range(parser.parse_args().rounds):
            few, many = (own(server, streams, f"r{turn}of{streams}x") for streams in (FEW, MANY))
            found.append(1000 * (many - few) / (MANY - FEW))
            print(f"{found[-1]:.0f} KB a session, from {FEW} ({few:.1f} MB) to {MANY} ({many:.1f} MB)", flush=True)
    print(f"in the middle {statistics.median(found):.0f} KB (aim {AIM:.0f})")


if __name__ == "__main__":
    main()
