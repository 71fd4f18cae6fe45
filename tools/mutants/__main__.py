"""Runs the mutants and writes the table: python -m tools.mutants [--only WORD …] [--jobs N] [--again] [--list]

Ends with status 1 when one survives, 2 when one no longer fits the code or its tests fail anyway. What was run on this
very tree is not run again, so a run may be ended at any time. When all have been run, what noticed one is run without
any, and the table is written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.mutants.kept import Kept, tree
from tools.mutants.mutant import Mutant, Stale
from tools.mutants.runner import ROOT, Broken, Tree, Verdict, judge, prove
from tools.mutants.table import ROOMS

RESULTS = Path(__file__).parent / "RESULTS.md"
KEPT = ROOT / ".cache" / "mutants"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="those whose name or file holds one of these")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="those too that were run on this very tree")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    mutants = [mutant for room in ROOMS.values() for mutant in room]
    if options.only:
        mutants = [one for one in mutants if any(word in f"{one.name} {one.file}" for word in options.only)]
    if options.list:
        for mutant in mutants:
            print(f"{mutant.file}: {mutant.name}")
        return 0
    kept = Kept(KEPT, tree(ROOT))
    known = [] if options.again else [verdict for mutant in mutants if (verdict := kept.of(mutant)) is not None]
    run = {verdict.mutant for verdict in known}
    try:
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            verdicts = [*known]
            for verdict in judge([one for one in mutants if one not in run], Path(folder), options.jobs):
                kept.keep(verdict)
                verdicts.append(verdict)
                said = f"killed   {verdict.mutant.name}: {verdict.killed_by}"
                print(said if verdict.killed_by else f"SURVIVED {verdict.mutant.name}", flush=True)
            prove(Tree(Path(folder, "unspoilt")).failing, verdicts)
    except (Stale, Broken) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    survived = [verdict for verdict in verdicts if not verdict.killed_by]
    if not options.only:
        RESULTS.write_text(table(verdicts))
        print(RESULTS)
    print(f"{len(verdicts)} mutants ({len(known)} of them run before on this tree), {len(survived)} survived")
    return 1 if survived else 0


def table(verdicts: Sequence[Verdict]) -> str:
    by_mutant = {verdict.mutant: verdict for verdict in verdicts}
    killed = sum(bool(verdict.killed_by) for verdict in verdicts)
    lines = [
        "# Mutants",
        "",
        f"Faults put into the code on purpose, and the first test that noticed: {killed} of {len(verdicts)}.",
        "Written by `make mutants`.",
    ]
    for room, mutants in ROOMS.items():
        lines += ["", f"## {room}", "", "| fault | change | noticed by |", "|---|---|---|"]
        lines += [_row(mutant, by_mutant[mutant]) for mutant in mutants]
    return "\n".join(lines) + "\n"


def _row(mutant: Mutant, verdict: Verdict) -> str:
    old, new = (f"`{text.replace('|', chr(92) + '|')}`" for text in mutant.change)
    file, test = mutant.file.rpartition("/")[2], verdict.killed_by.replace("|", "\\|")
    return f"| {mutant.name} | {file}: {old} → {new} | {f'`{test}`' if test else '**nobody**'} |"


if __name__ == "__main__":
    sys.exit(main())
