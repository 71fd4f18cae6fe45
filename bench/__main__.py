"""All measurements: the comparison of senders, and every other one by its name.

python -m bench                 everything, about 40 minutes
python -m bench --quick         the comparison in under two minutes
python -m bench --rows NAME     the comparison, of these rows only: "reach" (what was aimed at), "thousand"
python -m bench --only NAME …   "compare" or others of the list
python -m bench --list
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
from rich.console import Console

from bench import comparison, plan, show
from bench.end_to_end import Delay, measure
from bench.reach import reaches
from bench.server import BenchServer


@attrs.frozen
class Other:
    """A measurement with a program of its own."""

    module: str
    title: str
    arguments: tuple[str, ...] = ()
    by_name_only: bool = False
    """Too long for the run of everything."""


OTHERS = (
    Other("end_to_end", "picture made to picture decoded at a player"),
    Other("pacing", "what a message costs after a rest, beside a tight loop"),
    Other("packing", "packet to FLV tag, beside FFmpeg's muxer"),
    Other("rtsp", "cameras over RTSP, beside ffmpeg", ("--cameras", "1", "16", "--rounds", "1")),
    Other("whip", "WHIP, beside others"),
    Other("transports", "each transport, beside ffmpeg"),
    Other("failover", "off the air when a server goes", ("--quick",)),
    Other("isolation", "bad destinations beside good ones", ("--quick",)),
    Other("dead", "three hundred outputs to dead hosts"),
    Other("crowd", "a thousand sessions and a host that comes back", ("--quick",)),
    Other("fallback", "H.265 to places that take H.264 only", ("--minutes", "1")),
    Other("far", "servers far away, beside ffmpeg", by_name_only=True),
    Other("cameras", "sixteen cameras for a long time", by_name_only=True),
    Other("soak", "hours of faults", by_name_only=True),
)


ROWS = {"quick": plan.quick, "full": plan.full, "reach": plan.reach, "thousand": plan.thousand}


def compare(console: Console, *, rows: str, rounds: int, readme: bool) -> bool:
    """The comparison of senders; whether nothing of camcast's was lost."""
    quick = rows == "quick"
    cases = list(ROWS[rows]())
    probes = [] if quick else plan.probes(cases)

    def tell(text: str) -> None:
        console.print(f"[dim]{text}[/]", highlight=False)

    seconds = 3.0 if quick else 5.0
    found = comparison.run(cases, probes, rounds=rounds, seconds=seconds, tell=tell)
    delay = _end_to_end(5.0 if quick else 20.0) if rows in ("quick", "full") else None
    aims = reaches(found, delay)
    show.tables(console, found, aims, delay)
    path = show.save(found, aims, delay, rows)
    console.print(f"{path} and {path.with_suffix('.png').name}")
    if readme:
        made_by = {"quick": "make bench-quick", "full": "make bench"}.get(rows, f"make bench-{rows}")
        show.write_readme(show.markdown(found, delay, made_by))
    return all(row.valid for row in found if row.case.sender.startswith("camcast"))


def _end_to_end(seconds: float) -> Delay:
    with tempfile.TemporaryDirectory() as folder, BenchServer(Path(folder) / "nginx") as server:
        return measure(server, seconds)


def _there(other: Other) -> bool:
    return importlib.util.find_spec(f"bench.{other.module}") is not None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the comparison only, fewer rows, once each")
    parser.add_argument("--rows", choices=sorted(ROWS), help="the comparison only, of these rows")
    parser.add_argument("--only", nargs="+", metavar="NAME", help='"compare" or names of the list')
    parser.add_argument("--list", action="store_true", help="show what there is")
    parser.add_argument("--rounds", type=int, help="runs of each row of the comparison (quick: 1, else 3)")
    parser.add_argument("--readme", action="store_true", help="write the short table into README.md")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    others = [other for other in OTHERS if _there(other)]
    if options.list:
        console.print("compare      senders side by side: camcast, ffmpeg, GStreamer, librtmp, tgrtmp, a bare loop")
        for other in others:
            console.print(f"{other.module:<12} {other.title}{' (by name only)' if other.by_name_only else ''}")
        return 0
    rows = options.rows or ("quick" if options.quick else "full")
    names = (
        {"compare"} if rows != "full" else {"compare", *(other.module for other in others if not other.by_name_only)}
    )
    if options.only:
        names = set(options.only)
        if unknown := names - {"compare", *(other.module for other in others)}:
            parser.error(f"unknown: {', '.join(sorted(unknown))}; `--list` shows what there is")
    well = True
    if "compare" in names:
        rounds = options.rounds or {"quick": 1, "reach": 5}.get(rows, 3)
        well = compare(console, rows=rows, rounds=rounds, readme=options.readme)
    for other in others:
        if other.module in names and not (other.module == "end_to_end" and not options.only):
            console.rule(other.title)
            done = subprocess.run([sys.executable, "-m", f"bench.{other.module}", *other.arguments], check=False)
            well = well and done.returncode == 0
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
