"""A lane: one thread of one session's own, for a library that blocks.

The loop puts jobs on the lane and never waits for it. The backlog is bounded in bytes; a job that takes longer than
its deadline is ended by `interrupt` (shutting down the library's socket, say), because a thread cannot be stopped from
outside. When even that does not help the thread is left behind, and it is told to nobody any more: other sessions
have lanes of their own.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import attrs

from camcast.contracts import Handover

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 8 << 20
JOB_DEADLINE = 5.0
MAX_JOBS = 8192
_LOOK_EVERY = 0.005
_TELL_FOR = 1.0
"""Seconds that the thread waits for room in the hand-over; then it looks whether anybody still wants to know."""


class LaneClosed(Exception):
    """The lane takes no more jobs."""


@attrs.define(eq=False)
class _Job:
    run: Callable[[], object]
    size: int
    answer: Callable[[object, BaseException | None], None] | None
    """Called on the loop with the result or the exception; None = a posted job."""


class Lane:
    """Made, used and stopped on the loop; its jobs run one by one on its thread.

    `interrupt` must make the job that is running return soon; it is called on the loop and must not block.
    `failed` is called on the loop, once, with the first exception of a posted job, or with `TimeoutError` when one
    exceeded `deadline` seconds; after that posted jobs are not run any more.
    """

    def __init__(
        self,
        name: str,
        handover: Handover,
        *,
        interrupt: Callable[[], None],
        failed: Callable[[BaseException], None],
        limit: int = LIMIT,
        deadline: float = JOB_DEADLINE,
    ) -> None:
        self._name = name
        self._handover = handover
        self._interrupt = interrupt
        self._failed = failed
        self._limit = limit
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._posted = self._posted_jobs = 0
        self._taken = self._taken_jobs = 0
        self._done = 0
        self._since: float | None = None
        """Monotonic time since when the running posted job runs."""
        self._watch: asyncio.TimerHandle | None = None
        self._broken = False
        self._halted = False
        """As `_broken`, but set by the thread: later jobs must not run before the loop has heard of the first."""
        self._closed = False

    @property
    def backlog(self) -> int:
        """Bytes of posted jobs that wait or run."""
        return self._posted - self._taken

    @property
    def done(self) -> int:
        """Bytes of posted jobs that have run to their end; never falls."""
        return self._done

    def post(self, size: int, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Run `function` on the thread, after what was given before. `size` counts towards the bound.

        False = the lane is full, has failed or is closed; nothing was queued.
        """
        if (
            self._closed
            or self._broken
            or self.backlog + size > self._limit
            or self._posted_jobs - self._taken_jobs >= MAX_JOBS
        ):
            return False
        self._posted += size
        self._posted_jobs += 1
        self._put(_Job(lambda: function(*args, **kwargs), size, None))
        if self._watch is None:
            self._watch = self._loop.call_later(self._deadline, self._look)
        return True

    async def call(self, timeout: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on the thread and return its result. Raises what it raises, `LaneClosed`, or `TimeoutError`
        after `timeout` seconds, having interrupted it."""
        if self._closed:
            raise LaneClosed("the lane is closed")
        future: asyncio.Future[T] = self._loop.create_future()

        def answer(result: object, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        self._put(_Job(lambda: function(*args, **kwargs), 0, answer))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            self._interrupt_guarded()
            raise

    async def stop(
        self, last: Callable[[], object] | None = None, *, patience: float = 1.0, after: float = 0.5
    ) -> bool:
        """Take no more jobs, forget those that wait, run `last` and end the thread.

        The running job and `last` have `patience` seconds; then they are interrupted, and have `after` seconds more.
        False = the thread did not end and was left behind. Safe to call again.
        """
        if not self._closed:
            self._closed = True
            if self._watch is not None:
                self._watch.cancel()
            if last is not None:
                self._jobs.put(_Job(last, 0, _nobody))
            self._jobs.put(None)
        try:
            if await self._ends_within(patience):
                return True
            self._interrupt_guarded()
            return await self._ends_within(after)
        except asyncio.CancelledError:
            self._interrupt_guarded()
            raise

    async def _ends_within(self, seconds: float) -> bool:
        # Looked at, not told: the hand-over may be full or closed by now.
        until = time.monotonic() + seconds
        while self._thread is not None and self._thread.is_alive():
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_LOOK_EVERY)
        return True

    def _put(self, job: _Job) -> None:
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _look(self) -> None:
        """Whether the running job is late. Runs on the loop while there is something to watch."""
        self._watch = None
        since = self._since
        left = self._deadline if since is None else since + self._deadline - time.monotonic()
        if left <= 0:
            self._fail(TimeoutError(f"not done within {self._deadline:g} s"))
            self._interrupt_guarded()
        elif self._posted_jobs > self._taken_jobs and not self._broken:
            self._watch = self._loop.call_later(left, self._look)

    def _fail(self, error: BaseException) -> None:
        if not self._broken and not self._closed:
            self._broken = True
            self._failed(error)

    def _interrupt_guarded(self) -> None:
        try:
            self._interrupt()
        except Exception:
            log.exception("Lane %s could not be interrupted", self._name)

    # --- on the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.answer is None:
                self._run_posted(job)
            elif not self._closed or job.answer is _nobody:
                self._run_called(job, job.answer)
            else:
                self._tell(job.answer, None, LaneClosed("the lane was closed"))
            # A large payload must not live on in this frame while the thread waits for the next.
            del job

    def _run_posted(self, job: _Job) -> None:
        try:
            if not (self._closed or self._broken or self._halted):
                self._since = time.monotonic()
                job.run()
                self._done += job.size
        except Exception as error:  # noqa: BLE001 - whatever the library raises, its owner is told
            self._halted = True
            self._tell(self._fail, error)
        finally:
            self._since = None
            self._taken += job.size
            self._taken_jobs += 1

    def _run_called(self, job: _Job, answer: Callable[[object, BaseException | None], None]) -> None:
        try:
            result = job.run()
        except Exception as error:  # noqa: BLE001 - raised again where it was called
            self._tell(answer, None, error)
        else:
            self._tell(answer, result, None)

    def _tell(self, function: Callable[..., object], *args: object) -> None:
        until = time.monotonic() + _TELL_FOR
        while not self._handover.call_wait(function, *args, timeout=0.1):
            if self._closed and time.monotonic() > until:
                return
            time.sleep(0.01)


def _nobody(_result: object, _error: BaseException | None) -> None:
    """Nobody waits for the last job's result."""
