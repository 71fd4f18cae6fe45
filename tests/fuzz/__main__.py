"""Fuzz every target for a while: `python -m tests.fuzz [--seconds 600 | --rest] [--only WORD ...] [--jobs 2] [--keep]`.

Seconds are the processor's, so that ten minutes are ten minutes beside other work too. A finding ends the run with 1,
after all have had their time; its input is named, and stays in `.cache/fuzz`. What ran is added to
`bench/results/fuzz.md` at each target's end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from tests.fuzz import corpus
from tests.fuzz.seeds import seeds
from tests.fuzz.table import ENOUGH, Piece, Table
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache" / "fuzz"
LIMITS = ("-max_len=4096", "-timeout=30", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1")
"""An input that takes 30 s, or a process that takes 1 GiB, is a finding too."""
_ONE_WRITES = threading.Lock()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=ENOUGH, help="of a processor, for each target")
    parser.add_argument("--rest", action="store_true", help=f"only what a target still lacks of its {ENOUGH} s")
    parser.add_argument("--only", nargs="*", default=[], help="targets with one of these in their name")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep what was found of new ways as the corpus")
    arguments = parser.parse_args()
    names = [name for name in TARGETS if not arguments.only or any(one in name for one in arguments.only)]
    table = Table()
    times = {name: table.lacks(name) if arguments.rest else arguments.seconds for name in names}
    with ThreadPoolExecutor(arguments.jobs) as jobs:
        found = list(jobs.map(lambda name: fuzz(name, times[name], keep=arguments.keep), filter(times.get, names)))
    sys.exit(not names or any(found))


def fuzz(name: str, seconds: int, *, keep: bool) -> bool:
    """Whether there was a finding."""
    inputs, findings = WORK / name / "corpus", WORK / name / "findings"
    for folder in (inputs, findings):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for number, data in enumerate((*corpus.read(name), *seeds(name))):
        (inputs / f"kept{number}").write_bytes(data)
    log = WORK / name / "log.txt"
    ended, used = 0, 0.0
    with log.open("wb") as output:
        while not ended and used < seconds:  # the fuzzer counts by the wall; beside other work it got less
            rest = f"-max_total_time={max(5, round(seconds - used))}"
            ended, took = _run(name, output, rest, f"-artifact_prefix={findings}/", *LIMITS, str(inputs))
            used += took
        if keep and not ended:
            smallest = WORK / name / "smallest"
            shutil.rmtree(smallest, ignore_errors=True)
            smallest.mkdir()
            _run(name, output, "-merge=1", f"-max_len={corpus.LARGEST}", str(smallest), str(inputs))
            corpus.write(name, (path.read_bytes() for path in smallest.iterdir()))
    said = log.read_text(errors="replace")
    piece = Piece.of(said, round(used), finding=bool(ended))
    with _ONE_WRITES:
        Table().add(name, piece)
    sys.stdout.write(f"{name}: {piece.inputs} inputs, {'a finding' if ended else 'nothing found'}\n")
    if ended:
        sys.stdout.write(f"{said[-3000:]}\n{name}: see {log} and {findings}\n")
    sys.stdout.flush()
    return bool(ended)


def _run(name: str, output: BinaryIO, *arguments: str) -> tuple[int, float]:
    """Its exit status, and the seconds of a processor that it took."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.one", name, *arguments], cwd=ROOT, stdout=output, stderr=output
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
