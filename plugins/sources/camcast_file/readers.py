"""A few threads in which all file sources read, so that a slow disk never holds the loop.

The threads are daemons: a read that hangs on a dead network mount cannot keep the program from ending. What keeps it
from holding up other files:

- one read of a file at a time, the others of that file wait for it: a dead file holds one thread;
- a read that takes longer than `SLOW` gives up its place, and the next file is read in another thread;
- one that takes longer than its deadline is given up, with all that waits for the same file, which is refused until
  the read comes back;
- `MAX_THREADS` in all. When all of them hang, whatever would need one is refused.

A deadline begins when a thread takes the read up. All state belongs to the loop; threads only run what they are given.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs

from camcast.errors import SourceError

T = TypeVar("T")

THREADS = 2
"""Reads at a time, apart from slow ones."""
MAX_THREADS = 32
"""With those that slow reads hold."""
SLOW = 0.5
"""Seconds after which a read no longer keeps the next one waiting."""
READ_DEADLINE = 10.0
"""Seconds after which a read counts as hung."""


@attrs.define(eq=False)
class _Job:
    function: Callable[[], Any]
    file: Path
    future: asyncio.Future[Any]
    closing: bool
    deadline: float
    watch: asyncio.TimerHandle | None = None
    slow: bool = False
    """It has given up its place."""
    hung: bool = False
    """It has been given up."""
    finished: bool = False
    """Set by its thread; the loop may not have heard of it yet."""

    @property
    def lane(self) -> object:
        """Jobs of one lane run one after the other. Closing does not wait for a read: it makes that end."""
        return self if self.closing else self.file


class Readers:
    """Runs blocking calls, file by file in turn. Made and used on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int = THREADS, most: int = MAX_THREADS) -> None:
        """`threads`: reads at a time; `most`: threads in all, with those of slow and hung reads."""
        self._loop = loop
        self._places = threads
        self._most = most
        self._lanes: dict[object, deque[_Job]] = {}
        """What waits in each lane; a lane is here for as long as it runs something or has something waiting."""
        self._turns: deque[object] = deque()
        """Lanes that have something waiting and run nothing."""
        self._handed: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        """What idle threads take up at once; None ends one."""
        self._threads = 0
        self._idle = 0
        self._live = 0
        """Reads that run and are not slow."""
        self._hung: Counter[Path] = Counter()
        self._closed = False

    @property
    def hung(self) -> int:
        """Reads that were given up and have not come back; each holds a thread."""
        return self._hung.total()

    def submit(
        self, function: Callable[[], T], file: Path, deadline: float | None = None, *, closing: bool = False
    ) -> asyncio.Future[T]:
        """Run `function`, which reads `file`, in a thread. Each source has one call waiting, and one that closes: that
        bounds the queue. The future fails with `SourceError` when it runs for more than `deadline` seconds
        (`READ_DEADLINE`). Cancelled before it has begun, it is not run.

        Raises `SourceError` where a read of that file hangs already, or all threads do. `closing` is never refused.
        """
        if not closing and (error := self._refusal(file)) is not None:
            raise error
        future: asyncio.Future[T] = self._loop.create_future()
        # Whoever waited may be gone by then; that is no news.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        job = _Job(function, file, future, closing, READ_DEADLINE if deadline is None else deadline)
        lane = self._lanes.get(job.lane)
        if lane is None:
            self._lanes[job.lane] = deque([job])
            self._turns.append(job.lane)
        else:
            lane.append(job)
        self._closed = False
        self._hand_out()
        return future

    async def run(self, function: Callable[[], T], file: Path, deadline: float | None = None) -> T:
        """`submit` and wait."""
        return await self.submit(function, file, deadline)

    def close(self) -> None:
        """Let the threads end when they have done what is asked for by now."""
        self._closed = True
        self._end_surplus()

    def _refusal(self, file: Path) -> SourceError | None:
        if self._hung[file]:
            return SourceError("a read of this file hangs, and no other is tried: is its disk or mount there?")
        if self.hung >= self._most:
            return SourceError(
                f"{self.hung} reads of other files hang, which leaves no thread for this one: "
                "are their disks or mounts there?"
            )
        return None

    def _hand_out(self) -> None:
        while self._turns and self._live < self._places and (self._idle or self._threads < self._most):
            if not self._idle:
                threading.Thread(target=self._work, name="camcast-file", daemon=True).start()
                self._threads += 1
                self._idle += 1
            lane = self._turns.popleft()
            job = self._lanes[lane].popleft()
            if job.future.done():
                # Given up before its turn.
                self._next_of(lane)
                continue
            self._idle -= 1
            self._live += 1
            job.watch = self._loop.call_later(min(SLOW, job.deadline), self._look, job, job.deadline - SLOW)
            self._handed.put(job)

    def _look(self, job: _Job, left: float) -> None:
        """It runs still, and has `left` seconds. They are counted in looks: that the program was stopped, or the loop
        held, is no fault of the disk."""
        if job.finished:
            return
        if not job.slow:
            job.slow = True
            self._live -= 1
        if left > 0:
            job.watch = self._loop.call_later(min(SLOW, left), self._look, job, left - SLOW)
        else:
            self._give_up(job)
        self._hand_out()

    def _give_up(self, job: _Job) -> None:
        job.hung = True
        self._hung[job.file] += 1
        _fail(job, SourceError(f"reading the file took more than {job.deadline:g} s: is its disk or mount there?"))
        # Others wait behind it, and would for as long as it hangs.
        lanes = list(self._lanes.values()) if self.hung >= self._most else [self._lanes[job.lane]]
        for waiting in (one for lane in lanes for one in lane if not one.closing):
            if (error := self._refusal(waiting.file)) is not None:
                _fail(waiting, error)

    def _done(self, job: _Job, result: object, error: BaseException | None, stays: bool) -> None:
        """Its thread is done with it, in time or not, and `stays` for another."""
        if job.watch is not None:
            job.watch.cancel()
        if not job.slow:
            self._live -= 1
        if job.hung:
            self._hung[job.file] -= 1
            if not self._hung[job.file]:
                del self._hung[job.file]
        if stays:
            self._idle += 1
        else:
            self._threads -= 1
        if error is not None:
            _fail(job, error)
        elif not job.future.done():
            job.future.set_result(result)
        self._next_of(job.lane)
        self._hand_out()
        self._end_surplus()

    def _next_of(self, lane: object) -> None:
        if self._lanes[lane]:
            self._turns.append(lane)
        else:
            del self._lanes[lane]

    def _end_surplus(self) -> None:
        """Idle threads end that came back from slow reads, and all of them when closed."""
        while self._idle and (self._closed or self._idle + self._live > self._places):
            self._idle -= 1
            self._threads -= 1
            self._handed.put(None)

    def _work(self) -> None:
        stays = True
        while stays and (job := self._handed.get()) is not None:
            result, error = None, None
            try:
                result = job.function()
            except BaseException as raised:  # noqa: BLE001 - it travels to whoever waits for the future
                error = raised
            job.finished = True
            stays = not self._closed
            try:
                self._loop.call_soon_threadsafe(self._done, job, result, error, stays)
            except RuntimeError:
                # The loop has been closed: nobody waits for the answer, or will hand out anything, any more.
                return
            del job, result, error


def _fail(job: _Job, error: BaseException) -> None:
    if not job.future.done():
        job.future.set_exception(error)
