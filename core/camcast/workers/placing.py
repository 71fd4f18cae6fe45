"""Which of several processes runs which camera. Pure: the processes are whatever the caller has.

A camera goes where there are the fewest streams, unless it must be in the first, which is home, or shares an address at
which it listens with one that has a place already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import attrs

from camcast.errors import ConfigError

W = TypeVar("W")


@attrs.frozen
class _Placed(Generic[W]):
    worker: W
    streams: int
    listens: frozenset[str]


class Placing(Generic[W]):
    """Of one engine's cameras. The first of `workers` is home."""

    def __init__(self, workers: Sequence[W]) -> None:
        self._workers = tuple(workers)
        self._placed: dict[int, _Placed[W]] = {}

    def place(self, camera_id: int, streams: int, listens: frozenset[str], *, at_home: bool) -> W:
        """Where the camera goes, which counts as running there from now on. `listens`: the addresses that it takes.

        Raises `ConfigError` where those are in several processes already.
        """
        there = {address: one.worker for one in self._placed.values() for address in one.listens & listens}
        home = self._workers[0]
        places = [*dict.fromkeys([*([home] if at_home else []), *(there[one] for one in sorted(there))])]
        if len(places) > 1:
            raise ConfigError(
                f"camera {camera_id} would listen at {' and '.join(sorted(there))} together with cameras that run in "
                "other processes, and an address has room for one process; give it a port of its own, or name it "
                "before those others"
            )
        # Where several have as little to do, home is the last: it looks after the others, too.
        worker = places[0] if places else min((*self._workers[1:], home), key=self._load)
        self._placed[camera_id] = _Placed(worker, streams, listens)
        return worker

    def listen(self, camera_id: int, listens: frozenset[str]) -> None:
        """A camera that has a place takes these, too. Raises `ConfigError` where they are in another process."""
        mine = self._placed[camera_id]
        for number, one in self._placed.items():
            if one.worker is not mine.worker and (shared := sorted(one.listens & listens)):
                raise ConfigError(
                    f"camera {camera_id} would listen at {shared[0]}, which camera {number} has in another process; "
                    "give one of them a port of its own"
                )
        self._placed[camera_id] = attrs.evolve(mine, listens=mine.listens | listens)

    def forget(self, camera_id: int) -> None:
        """It runs nowhere any more."""
        self._placed.pop(camera_id, None)

    def _load(self, worker: W) -> int:
        return sum(one.streams for one in self._placed.values() if one.worker is worker)
