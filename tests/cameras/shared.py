"""What many tests look at is made once in a run, however the run's processes divide the tests among themselves.

It is made in parts. A process that needs it takes parts that nobody has taken yet, `BESIDE` at a time, and what it made
of them is written down for the others: so all of them work on it, and what was made once is not made again. A part that
failed, or whose process died, is not written down: its lock is free then, and the next process tries it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pickle
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Generic, TypeVar

import attrs
import pytest

from camcast import RetryPolicy
from tests.cameras.script import Script
from tests.cameras.watch import Watched, batched, by_length, watch, watch_files

_K = TypeVar("_K")
_T = TypeVar("_T")
_LOOK = 0.1
"""Seconds between looks at what others make."""
AT_ONCE = 3
"""Parts that are made at a time for each processor: one takes a quarter of it, and waits for its cameras else."""
BESIDE = 2
"""Parts that one process makes at a time, so that few processes are enough: each costs what it imports."""

Make = Callable[[Path], Awaitable[_T]]
"""Makes a part. It is given a directory of its own."""


@attrs.frozen
class _Part(Generic[_T]):
    make: Make[_T]
    folder: Path

    async def done(self) -> bool:
        """Make it, unless it is made already. False while another process makes it."""
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not self._outcome.exists():
                with await _room(self.folder.parent):
                    made = pickle.dumps(await self.make(self.folder))
                half = self.folder / "half"
                half.write_bytes(made)
                # Whole or not at all: a process may die.
                os.replace(half, self._outcome)
            return True

    def outcome(self) -> _T:
        made: _T = pickle.loads(self._outcome.read_bytes())
        return made

    @property
    def _outcome(self) -> Path:
        return self.folder / "outcome"


async def _room(folder: Path) -> IO[str]:
    """Held while a part is made: `AT_ONCE` for each processor, however many processes there are, as each part's cameras
    and viewers want their share of the machine at each moment."""
    while True:
        for number in range(AT_ONCE * (os.cpu_count() or 1)):
            room = (folder / f"shared-room-{number}").open("w")
            try:
                fcntl.flock(room, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                room.close()
            else:
                return room
        await asyncio.sleep(_LOOK)


async def shared(factory: pytest.TempPathFactory, name: str, parts: Mapping[_K, Make[_T]]) -> dict[_K, _T]:
    """Each part's outcome, which must be fit to be pickled. `name` is this module's in the run."""
    made: dict[_K, _Part[_T]] = {}
    for number, (key, make) in enumerate(parts.items()):
        folder = _of_this_run(factory) / f"shared-{name}-{number}"
        folder.mkdir(exist_ok=True)
        made[key] = _Part(make, folder)
    async with asyncio.TaskGroup() as beside:
        for _ in range(min(BESIDE, len(made))):
            beside.create_task(_work(list(made.values())))
    return {key: part.outcome() for key, part in made.items()}


async def _work(left: list[_Part[_T]]) -> None:
    """Until all are done, by whom ever."""
    while left := [part for part in left if not await part.done()]:  # noqa: ASYNC110  others are other processes
        await asyncio.sleep(_LOOK)


def _of_this_run(factory: pytest.TempPathFactory) -> Path:
    """A directory of all processes of this run."""
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


async def watched_together(
    factory: pytest.TempPathFactory,
    name: str,
    scripts: Mapping[str, Script],
    *,
    seconds: float = 15.0,
    runs: int = 1,
    again: RetryPolicy | None = None,
) -> dict[str, Watched]:
    """`watch.watch`, for all processes of this run."""
    return _flat(
        await shared(
            factory,
            name,
            {
                number: partial(watch, scripts=some, seconds=seconds, runs=runs, again=again)
                for number, some in enumerate(batched(by_length(scripts)))
            },
        )
    )


async def played_together(
    factory: pytest.TempPathFactory, name: str, files: Mapping[str, Callable[[], Path]]
) -> dict[str, Watched]:
    """`watch.watch_files`, for all processes of this run. Whoever plays a file makes it."""

    async def play(directory: Path, some: Mapping[str, Callable[[], Path]]) -> dict[str, Watched]:
        with ThreadPoolExecutor(2) as pool:
            paths = dict(zip(some, pool.map(lambda make: make(), some.values()), strict=True))
        return await watch_files(directory, paths)

    parts = {number: partial(play, some=some) for number, some in enumerate(batched(files))}
    return _flat(await shared(factory, name, parts))


def _flat(parts: Mapping[int, dict[str, Watched]]) -> dict[str, Watched]:
    return {name: one for part in parts.values() for name, one in part.items()}
