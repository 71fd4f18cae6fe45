"""What placing cameras takes: `python -m bench.fleet` prints it and writes bench/results/fleet.md."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from camcast.fleet.placement import Place, Wanted, place

RESULT = Path(__file__).parent / "results" / "fleet.md"
RUNS = 15
CASES = ((1000, 4), (1000, 40), (10_000, 55))


def median(doing: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        doing()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def rows() -> list[tuple[str, ...]]:
    """A line for each case."""
    found = []
    for count, size in CASES:
        cameras = [Wanted(camera_id=number, name=f"cam{number}") for number in range(count)]
        members = [Place(name=f"member-{number}", capacity=2 * count / size) for number in range(size)]
        placed = {camera: member for camera, member in place(cameras, members).items() if member is not None}
        after = place(cameras, members[1:], placed)
        own = sum(member == members[0].name for member in placed.values())
        moved = sum(after[camera] != member for camera, member in placed.items())
        times = (
            median(lambda: place(cameras, members)),  # noqa: B023
            median(lambda: place(cameras, members, placed)),  # noqa: B023
            median(lambda: place(cameras, members[1:], placed)),  # noqa: B023
        )
        found.append((f"{count:,}", str(size), *(f"{one:.1f}" for one in times), str(own), str(moved)))
    return found


def main() -> None:
    heads = ("cameras", "members", "from nothing, ms", "nothing changes, ms", "one dies, ms", "it had", "moved")
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ("---",) * len(heads), *rows())]
    text = "\n".join(lines)
    print(text)
    what = f"`python -m bench.fleet`; Python {platform.python_version()}, {platform.machine()}, median of {RUNS}"
    RESULT.write_text(
        f"# Placing a fleet's cameras\n\n{what}. A member computes this when something has changed.\n\n{text}\n"
    )


if __name__ == "__main__":
    main()
