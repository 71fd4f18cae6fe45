"""What processes cost: CPU time to the nanosecond, and memory, with their part of what they share or without."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path


def cpu(pids: Iterable[int]) -> float:
    """Seconds, user and system, of all threads that these processes have or had."""
    return sum(_process_clock(pid) for pid in pids)


def _process_clock(pid: int) -> float:
    # clock_getcpuclockid(3) for a process: the inverted pid, and 2 for the scheduler's own account.
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def user_share(pids: Iterable[int]) -> tuple[int, int]:
    """Clock ticks in user and in system mode: only their proportion is of use."""
    user = system = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        user += int(fields[11])
        system += int(fields[12])
    return user, system


def switches(pids: Iterable[int]) -> tuple[int, int]:
    """How often their threads gave the processor up to wait, and how often it was taken from them.

    The first is how often they were woken, each of which costs more than most of what is done then.
    """
    waited = taken = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/status"):
            try:
                lines = path.read_text().splitlines()
            except OSError:
                continue
            found = dict(line.split(":\t", 1) for line in lines if "ctxt_switches" in line)
            waited += int(found.get("voluntary_ctxt_switches", 0))
            taken += int(found.get("nonvoluntary_ctxt_switches", 0))
    return waited, taken


def pss(pids: Iterable[int]) -> float:
    """MB of memory: shared pages count by their part."""
    return sum(_rollup(pid, "Pss:") for pid in pids) / 1024


def allocated(pids: Iterable[int]) -> float:
    """MB that these processes have made for themselves.

    It does not change when others that use the same libraries begin or end, as PSS does: growth is told by this one.
    """
    return sum(_rollup(pid, "Anonymous:") for pid in pids) / 1024


def _rollup(pid: int, field: str) -> int:
    """kB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
