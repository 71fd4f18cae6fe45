"""Threads for plugins' hooks that may block: as many as needed up to a bound, and none that holds up the program's end.

A pool of the standard library is joined when the interpreter ends, so one hook that hangs would keep the program from
ending; and with few threads, hooks that hang would delay every other session's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import get_ident
from typing import TypeVar

from camcast.daemons import Daemons
from camcast.patience import quiet

T = TypeVar("T")

THREADS = 64


class Late(TimeoutError):
    """A call has not returned in time."""

    def __init__(self, thread: int | None) -> None:
        """`thread`: the one that it still keeps, by its ident; None = it never found one that was free."""
        super().__init__()
        self.thread = thread


class HookThreads:
    """All calls on the loop."""

    def __init__(self, threads: int = THREADS) -> None:
        self._free = asyncio.Semaphore(threads)
        self._threads = Daemons("camcast-hook")

    async def run(self, call: Callable[[], T], deadline: float | None) -> T:
        """The result of `call`, run on a thread. Raises what it raises, `Late` after `deadline` seconds (None = never),
        and `RuntimeError` where no thread can be started, or where what it raises would end the loop.

        Waiting for a free thread counts towards the deadline. A call that is late keeps its thread until it returns.
        """
        keeps: list[int] = []
        try:
            async with asyncio.timeout(deadline) as limit:
                return await self._run(call, keeps)
        except TimeoutError:
            if limit.expired():
                raise Late(keeps[0] if keeps else None) from None
            raise

    async def _run(self, call: Callable[[], T], keeps: list[int]) -> T:
        """Without a deadline. `keeps` is told the thread's ident."""
        loop = asyncio.get_running_loop()
        await self._free.acquire()
        future: asyncio.Future[T] = quiet(loop.create_future())

        def done(result: T | None, error: Exception | None) -> None:
            self._free.release()
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            keeps.append(get_ident())
            result, failure = None, None
            try:
                result = call()
            except Exception as error:  # noqa: BLE001  raised again where it was called
                failure = error
            except BaseException as error:  # noqa: BLE001  by a plugin that exits, or a library that panics
                failure = RuntimeError(f"{type(error).__name__} on a thread of a hook")
            try:
                loop.call_soon_threadsafe(done, result, failure)
            except RuntimeError:
                return  # the loop has closed meanwhile: nobody waits any more
            finally:
                del failure  # whose trace holds this frame

        try:
            self._threads.run(run)
        except RuntimeError:
            self._free.release()
            raise
        return await future
