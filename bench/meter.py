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


class Switches:
    """How often threads of these processes gave the processor up to wait, and had it taken from them, since this began.

    The first is how often they were woken, each of which costs more than most of what is done then. The kernel tells no
    other process of threads that have ended, so look now and then: what one did after the last look is missing.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._last: dict[str, tuple[int, int]] = {}
        self._waited = self._taken = 0
        self.look()
        self._waited = self._taken = 0

    @property
    def waited(self) -> int:
        """Up to the last look."""
        return self._waited

    @property
    def taken(self) -> int:
        """Up to the last look."""
        return self._taken

    def look(self) -> None:
        """Count what has been since the look before."""
        for pid in self._pids:
            for path in Path(f"/proc/{pid}/task").glob("*/status"):
                try:
                    lines = path.read_text().splitlines()
                except OSError:
                    continue
                found = dict(line.split(":\t", 1) for line in lines if "ctxt_switches" in line)
                now = int(found.get("voluntary_ctxt_switches", 0)), int(found.get("nonvoluntary_ctxt_switches", 0))
                before = self._last.get(str(path), (0, 0))
                if now < before:
                    before = 0, 0  # another thread has its number
                self._waited += now[0] - before[0]
                self._taken += now[1] - before[1]
                self._last[str(path)] = now


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
