"""A few threads in which all file sources read, so that a slow disk never holds the loop.

The threads are daemons: a read that hangs on a dead network mount cannot keep the program from ending. One that hangs
is given up after a while and its thread replaced, so it holds up other files for that long at most, and counts for its
own file only.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from camcast.errors import SourceError

T = TypeVar("T")

THREADS = 2
READ_DEADLINE = 10.0
"""Seconds after which a read counts as hung."""
MAX_HUNG = 8
"""Hung reads of one file; after that, new ones of it fail until some come back."""

_Job = Callable[[], None]


class Readers:
    """Runs blocking calls, oldest first. Made and used on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = THREADS) -> None:
        self._loop = loop
        self._most = threads
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._files: dict[asyncio.Future[Any], Path] = {}
        """What is asked for and has not come, with its file."""
        self._hung: Counter[Path] = Counter()
        """Of them, those that were given up."""
        self._closed = False

    def submit(self, function: Callable[[], T], file: Path, *, closing: bool = False) -> asyncio.Future[T]:
        """Run `function`, which reads `file`, in a thread. Each source has one call waiting, and one that closes: that
        bounds the queue. Raises `SourceError` where reads of that file hang already."""
        if (hung := self._hung[file]) >= MAX_HUNG and not closing:
            raise SourceError(f"{hung} reads of this file hang; is its disk or network mount there?")
        future: asyncio.Future[T] = self._loop.create_future()
        self._files[future] = file
        future.add_done_callback(self._files.pop)
        # Whoever waited may be gone by then; that is no news.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())

        def job() -> None:
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - it travels to whoever waits for the future
                self._post(_fail, future, error)
            else:
                self._post(_succeed, future, result)

        self._jobs.put(job)
        self._fill_up()
        return future

    async def run(self, function: Callable[[], T], file: Path, deadline: float = READ_DEADLINE) -> T:
        """`submit` and wait; raises `SourceError` when it takes longer than `deadline` seconds."""
        return await self.guard(self.submit(function, file), deadline)

    async def guard(self, future: asyncio.Future[T], deadline: float = READ_DEADLINE) -> T:
        """Wait for a submitted call; when it hangs, let another thread take over its place."""
        try:
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with the result.
            async with asyncio.timeout(deadline):
                return await asyncio.shield(future)
        except TimeoutError:
            raise self.hung(future, deadline) from None

    def hung(self, future: asyncio.Future[T], deadline: float = READ_DEADLINE) -> SourceError:
        """Give up on a call that hangs: its thread is replaced, and counted until it comes back."""
        file = self._files[future]
        self._hung[file] += 1
        self._threads -= 1
        future.add_done_callback(lambda _: self._came_back(file))
        if not self._jobs.empty():
            # Others wait behind it already, and may ask for nothing more until they have been served.
            self._fill_up()
        return SourceError(f"reading the file took more than {deadline:g} s: is its disk or mount there?")

    def close(self) -> None:
        """Let the threads end when they have done what is queued."""
        self._closed = True
        for _ in range(self._threads + self._hung.total()):
            self._jobs.put(None)

    def _came_back(self, file: Path) -> None:
        self._hung[file] -= 1
        if not self._hung[file]:
            del self._hung[file]
        self._threads += 1

    def _fill_up(self) -> None:
        if self._threads >= self._most:
            return
        self._threads += 1
        threading.Thread(target=self._work, name=f"camcast-file-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _post(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            # The loop has been closed: nobody waits for the answer any more.
            return


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
