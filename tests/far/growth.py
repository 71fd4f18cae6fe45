"""When a file grew, so that what FFmpeg finds in it later gets the time at which it was written."""

from __future__ import annotations

import bisect
import threading
import time
from pathlib import Path
from typing import Self

import attrs

from tests.compare import Media, Unit

LOOK = 0.01


class Growth:
    """Watches a file's size from a thread, a hundred times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times: list[float] = []
        self._sizes: list[int] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def size(self) -> int:
        return self._sizes[-1] if self._sizes else 0

    def dated(self, media: Media) -> Media:
        """The same with the times at which each unit's first byte was there."""
        return Media(*([self._dated(unit) for unit in units] for units in (media.video, media.audio)))

    def _dated(self, unit: Unit) -> Unit:
        index = min(bisect.bisect_right(self._sizes, unit.position), len(self._times) - 1)
        return attrs.evolve(unit, arrived=self._times[index])

    def _watch(self) -> None:
        while not self._ended.wait(LOOK):
            size = self._path.stat().st_size if self._path.exists() else 0
            if size > self.size:
                self._times.append(time.monotonic())
                self._sizes.append(size)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
