"""How long those that measure have waited for a processor: the machine's doing, and nothing of the link's."""

from __future__ import annotations

import contextlib
from pathlib import Path as File
from typing import Self

from tests.far.path import Path


def waited(process: str = "self") -> float:
    """Seconds that a process's threads have waited so far, while they could have run (`sched-stats.rst` of Linux)."""
    total = 0
    for thread in File(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


class Starved:
    """Counts from when it is made: this process, and the processes that are the links."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._before = self._now()

    def anew(self) -> Self:
        self._before = self._now()
        return self

    @property
    def seconds(self) -> float:
        return self._now() - self._before

    def _now(self) -> float:
        return waited() + sum(waited(str(path.process)) for path in self._paths)
