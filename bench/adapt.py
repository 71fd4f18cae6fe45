"""Who fits a link best: camcast's regulator, OBS Studio's dynamic bitrate, and one like belacoder's.

On the same simulated links, so that it takes a minute, needs no quiet machine and says the same every time: the
encoder's model, the links and what is counted are `tests/adapt/`'s.

    python -m bench.adapt [--only WORD …]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tests.adapt.traces import TRACES, Trace
from tests.adapt.world import Decides, Ours, Run, drive

from bench.report import Row, keep, show, write_markdown
from bench.rivals import Belacoder, Obs

ALL: dict[str, Callable[[], Decides]] = {"camcast": Ours, "OBS": Obs, "belacoder-like": Belacoder}
NOTE = """Simulated: 30 pictures/s at 0.5 to 4 Mbit/s with a keyframe every 2 s, sound of 128 kbit/s. "Got" is what came
to the peer of what the link had and the stream could use. Late is what the path's length does not explain, of all
pictures that came. Where camcast is not the best: OBS leaves no picture out, and is late instead, by seconds where the
link becomes thinner; it gets 3 % more of a link that never changes, by a queue of a second that it keeps there. OBS
changes less often, as it goes up by a tenth of the maximum every 30 s: minutes on a link that has long recovered. The
belacoder-like one leaves out only what is later than SRT's latency of 2 s, where camcast's outputs bear 0.7 s: that is
what the start on a link of a third of the bitrate costs. It is back sooner where a link becomes wide, at the price
of seventy and more changes a minute. On the saw it is less late, as it falls to its minimum at once
and gets a fifth less. Through the 30 s outage nothing comes for anybody; OBS sends all of it afterwards, and stays as
late as the outage was long."""


def row(trace: Trace, name: str, run: Run) -> Row:
    return {
        "link": trace.name,
        "who": name,
        "got_when_steady_%": round(100 * run.used(trace.steady)) if trace.steady else "",
        "got_%": round(100 * run.used()),
        "left_out": len(run.drops),
        "late_p95_s": round(run.lag(), 2),
        "late_max_s": round(run.lag(1.0), 2),
        "changes_in_any_minute": run.most_changes(),
    }


def compare(traces: Sequence[Trace]) -> list[Row]:
    """All of them on each link."""
    rows = []
    for trace in traces:
        for name, make in ALL.items():
            rows.append(row(trace, name, drive(trace, make())))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="links whose name has one of these")
    only = parser.parse_args().only
    rows = compare([one for one in TRACES if not only or any(word in one.name for word in only)])
    show("Fitting a link", rows)
    if not only:
        keep("adapt", rows)
        print(write_markdown("adapt", "Fitting a link", rows, NOTE))


if __name__ == "__main__":
    main()
