"""A few threads in which all file sources read, so that a slow disk never holds the loop.

The threads are daemons: a read that hangs on a dead network mount cannot keep the program from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from camcast.errors import SourceError

T = TypeVar("T")

THREADS = 2
READ_DEADLINE = 10.0
"""Seconds after which a read counts as hung."""
MAX_HUNG = 8
"""Hung threads that are replaced; after that, new reads fail until some come back."""

_Job = Callable[[], None]


class Readers:
    """Runs blocking calls, oldest first. Made and used on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = THREADS) -> None:
        self._loop = loop
        self._most = threads
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._hung = 0
        self._closed = False

    def submit(self, function: Callable[[], T], *, closing: bool = False) -> asyncio.Future[T]:
        """Run `function` in a thread. Each source has one call waiting, and one that closes: that bounds the queue."""
        if self._hung >= MAX_HUNG and not closing:
            raise SourceError(f"{self._hung} reads of files are hung; is a network mount down? Trying again later.")
        future: asyncio.Future[T] = self._loop.create_future()
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
        if self._threads < self._most:
            self._start_thread()
        return future

    async def run(self, function: Callable[[], T], deadline: float = READ_DEADLINE) -> T:
        """`submit` and wait; raises `SourceError` when it takes longer than `deadline` seconds."""
        return await self.guard(self.submit(function), deadline)

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
        self._hung += 1
        self._threads -= 1
        future.add_done_callback(self._came_back)
        return SourceError(f"reading the file took more than {deadline:g} s: is its disk or mount there?")

    def close(self) -> None:
        """Let the threads end when they have done what is queued."""
        self._closed = True
        for _ in range(self._threads + self._hung):
            self._jobs.put(None)

    def _came_back(self, future: asyncio.Future[T]) -> None:
        self._hung -= 1
        self._threads += 1

    def _start_thread(self) -> None:
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
