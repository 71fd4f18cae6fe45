"""Which of several processes runs which camera. Pure: the processes are whatever the caller has.

A camera goes where there are the fewest streams, unless it must be in the first, which is home, or shares an address at
which it listens with one that has a place already, or will share one: who belongs together is known beforehand.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

import attrs

from camcast.errors import ConfigError
from camcast.workers.neighbours import Group

W = TypeVar("W")


@attrs.frozen
class _Placed(Generic[W]):
    worker: W
    streams: int
    parts: Mapping[Hashable, frozenset[str]]

    @property
    def listens(self) -> frozenset[str]:
        return frozenset().union(*self.parts.values())


class Placing(Generic[W]):
    """Of one engine's cameras. The first of `workers` is home."""

    def __init__(self, workers: Sequence[W]) -> None:
        self._workers = tuple(workers)
        self._placed: dict[int, _Placed[W]] = {}
        self.groups: Sequence[Group] = ()
        """Which cameras are to be in one process, of those that are placed and of those to come."""

    @property
    def home(self) -> W:
        """The first, in which everything can run."""
        return self._workers[0]

    @property
    def where(self) -> dict[int, W]:
        """In which process each camera runs, in the order in which they came."""
        return {number: one.worker for number, one in self._placed.items()}

    def place(self, camera_id: int, streams: int, parts: Mapping[Hashable, frozenset[str]], *, at_home: bool) -> W:
        """Where the camera goes, which counts as running there from now on. `parts`: what of it takes which addresses.

        Raises `ConfigError` where those are in several processes already.
        """
        listens = frozenset().union(*parts.values())
        there = {address: one.worker for one in self._placed.values() for address in one.listens & listens}
        group = [one for one in self.groups if camera_id in one.cameras]
        at_home = at_home or any(one.needs.at_home for one in group)
        places = [*dict.fromkeys([*([self.home] if at_home else []), *(there[one] for one in sorted(there))])]
        if len(places) > 1:
            raise ConfigError(
                f"camera {camera_id} would listen at {' and '.join(sorted(there))} together with cameras that run in "
                "other processes, and an address has room for one process; give it a port of its own, or write it "
                "into the configuration and reload, which brings them together"
            )
        if not places:
            where = self.where
            places = [where[number] for one in group for number in one.cameras if number in where]
        # Where several have as little to do, home is the last: it looks after the others, too.
        worker = places[0] if places else min((*self._workers[1:], self.home), key=self._load)
        self._placed[camera_id] = _Placed(worker, streams, parts)
        return worker

    def listen(self, camera_id: int, part: Hashable, listens: frozenset[str]) -> None:
        """A part of a camera that has a place takes these. Raises `ConfigError` where they are in another process."""
        mine = self._placed[camera_id]
        for number, one in self._placed.items():
            if one.worker is not mine.worker and (shared := sorted(one.listens & listens)):
                raise ConfigError(
                    f"camera {camera_id} would listen at {shared[0]}, which camera {number} has in another process; "
                    "give one of them a port of its own, or write it into the configuration and reload, which brings "
                    "them together"
                )
        self._placed[camera_id] = attrs.evolve(mine, parts={**mine.parts, part: listens})

    def leave(self, camera_id: int, part: Hashable) -> None:
        """That part takes no address any more."""
        if (mine := self._placed.get(camera_id)) is not None:
            left = {one: listens for one, listens in mine.parts.items() if one != part}
            self._placed[camera_id] = attrs.evolve(mine, parts=left)

    def forget(self, camera_id: int) -> None:
        """It runs nowhere any more."""
        self._placed.pop(camera_id, None)

    def _load(self, worker: W) -> int:
        return sum(one.streams for one in self._placed.values() if one.worker is worker)
