"""What a long run costs, looked at every few seconds: this process, and apart from it the processes around it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable

import attrs

from bench.meter import allocated
from bench.report import Row
from bench.trend import Trend, trend

SAMPLE = 5.0
"""Seconds."""
TABLE_EVERY = 300.0
"""Seconds between two writings of a long run's table, so that an interrupted one is of use."""
WARM_UP = 0.2
"""The part of the run that does not count for the slopes."""
LEAST = 1200.0
"""Seconds below which a run says nothing about growth: pools and caches still fill."""
MEMORY_LIMIT = 1.0
"""MB an hour."""
NUMBER_LIMIT = 2.0
"""Tasks, threads or descriptors an hour."""


@attrs.frozen
class Sample:
    at: float
    """Seconds since the run began."""
    memory: float
    """MB that this process has allocated."""
    tasks: int
    threads: int
    descriptors: int
    peers: float
    """MB of the others, together."""


FIGURES = {"memory": MEMORY_LIMIT, "tasks": NUMBER_LIMIT, "threads": NUMBER_LIMIT, "descriptors": NUMBER_LIMIT}
"""What must not grow, and by how much an hour it may."""


class Watch:
    """Samples from `start` on. `peers` names the processes around at the moment, which do not count for the verdict."""

    def __init__(self, peers: Callable[[], Iterable[int]] = tuple) -> None:
        self.samples: list[Sample] = []
        self._peers = peers
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def start(self) -> None:
        """The run begins now; what was before does not count."""
        self._began = time.monotonic()
        self.samples.clear()
        self.note()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(SAMPLE)
            self.note()

    def note(self) -> None:
        """Look now."""
        self.samples.append(
            Sample(
                at=self.seconds,
                memory=allocated([os.getpid()]),
                tasks=len(asyncio.all_tasks()),
                threads=threading.active_count(),
                descriptors=len(os.listdir("/proc/self/fd")) - 1,  # its own
                peers=allocated(self._peers()),
            )
        )

    def trends(self) -> dict[str, Trend]:
        """By figure, an hour, without the warm-up."""
        if not self.samples:
            return {figure: Trend() for figure in (*FIGURES, "peers")}
        late = [sample for sample in self.samples if sample.at >= WARM_UP * self.samples[-1].at]
        times = [sample.at for sample in late]
        return {figure: trend(times, [getattr(sample, figure) for sample in late]) for figure in (*FIGURES, "peers")}

    def trouble(self) -> list[str]:
        """What grows for certain, beyond what it may; nothing is known of a run shorter than `LEAST`."""
        if not self.samples or self.samples[-1].at < LEAST:
            return []
        found = self.trends()
        return [
            f"{figure} grows by {found[figure]} an hour, {limit:g} at most"
            for figure, limit in FIGURES.items()
            if found[figure].grows(limit)
        ]

    def row(self) -> Row:
        """First and last, and the slopes."""
        if not self.samples:
            return {}
        first, last, found = self.samples[0], self.samples[-1], self.trends()
        return {
            "memory_MB": [round(first.memory, 1), round(last.memory, 1)],
            "memory_MB_per_hour": str(found["memory"]),
            "tasks": [first.tasks, last.tasks],
            "threads": [first.threads, last.threads],
            "descriptors": [first.descriptors, last.descriptors],
            "others_MB": [round(first.peers, 1), round(last.peers, 1)],
            "others_MB_per_hour": str(found["peers"]),
        }

    def course(self) -> list[tuple[int, float, float]]:
        """(seconds, MB, MB of the others) at a hundred places."""
        chosen = self.samples[:: max(1, len(self.samples) // 100)]
        return [(round(one.at), round(one.memory, 1), round(one.peers, 1)) for one in chosen]


async def every(seconds: float, do: Callable[[], object]) -> None:
    """Do it again and again, for ever."""
    while True:
        await asyncio.sleep(seconds)
        do()


NOTE = f"""Memory is what a process has allocated for itself: no libraries and files, whose share changes with whoever
else uses them. Slopes are by least squares without the first {WARM_UP:.0%} of the run, with the interval that holds the
true one with 95 %. A run of {LEAST / 60:.0f} minutes or more fails when all of that interval is above
{MEMORY_LIMIT:g} MB an hour, or above {NUMBER_LIMIT:g} tasks, threads or descriptors an hour. What the others need
(servers, receivers, proxies) is measured apart."""
