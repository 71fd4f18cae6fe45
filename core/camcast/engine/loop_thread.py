"""An event loop in a thread of its own, and calls from other threads that wait for their result."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from camcast.errors import DeadlineError, WrongState

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, object]]

DEADLINE = 30.0
"""Seconds that a call waits for its result."""


def _leave_ctrl_c_to_others() -> None:
    """Python's main thread answers SIGINT, and sleeps on where the system hands the signal to another thread. Threads
    that this one starts have its mask."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class LoopThread:
    """Started once, ended once."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._end: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._over = False
        self._waiting: dict[Future[Any], Coroutine[Any, Any, Any]] = {}

    @property
    def alive(self) -> bool:
        """Whether calls are taken."""
        return self._loop is not None and not self._over

    def start(self, begin: Work, end: Work) -> None:
        """Start the thread, run `begin()` in it and wait for that; `end()` is run by `stop`.

        Raises what `begin` raises, and then the thread has ended; `WrongState` when it has been started before.
        """
        if self._thread is not None:
            raise WrongState("an engine is started once; make a new one")
        ready = threading.Event()
        failure: list[BaseException] = []

        async def main() -> None:
            self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
            try:
                await begin()
            except BaseException as error:
                failure.append(error)
                raise
            finally:
                ready.set()
            await self._end.wait()
            await end()
            with self._lock:
                self._over = True

        def run() -> None:
            # A thread of our own needs a loop of its own; the embedder's main program stays as it is.
            _leave_ctrl_c_to_others()
            try:
                with asyncio.Runner() as runner:
                    runner.run(main())
            except BaseException:
                if not failure:
                    raise
            finally:
                self._leave()

        self._thread = threading.Thread(target=run, name="camcast-engine", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            raise failure[0]

    def stop(self, within: float) -> None:
        """End the loop and the thread. Raises `DeadlineError` if it is still there after so many seconds."""
        if self._thread is None or self._loop is None or self._end is None:
            return
        self._check_thread()
        with contextlib.suppress(RuntimeError):  # it has ended by itself, and its loop is closed
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(within)
        if self._thread.is_alive():
            raise DeadlineError(f"the engine did not stop within {within:g} s")

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = DEADLINE) -> T:
        """Run a coroutine on the loop and wait for its result; it is cancelled when that takes too long.

        Raises what it raises; `DeadlineError` after `timeout` seconds; `WrongState` when the loop is not running, and
        at once on the loop's own thread, where waiting would stop everything.
        """
        try:
            self._check_thread()
            with self._lock:
                if self._loop is None or self._over:
                    raise WrongState("the engine is not running")
                future = asyncio.run_coroutine_threadsafe(work, self._loop)
                self._waiting[future] = work
        except BaseException:
            work.close()
            raise
        future.add_done_callback(lambda done: self._waiting.pop(done, None))
        try:
            return future.result(timeout)
        except CancelledError:
            if self.alive:
                raise
            raise WrongState("the engine has been stopped meanwhile") from None
        except TimeoutError:
            if future.done():  # its own
                raise
            future.cancel()
            raise DeadlineError(f"the engine did not answer within {timeout:g} s") from None

    def call(self, function: Callable[..., T], *args: object, timeout: float | None = DEADLINE) -> T:
        """Call a plain function on the loop and wait for its result. Raises what `run` raises."""

        async def work() -> T:
            return function(*args)

        return self.run(work(), timeout)

    def _leave(self) -> None:
        """The loop has ended: what it has not begun it never will."""
        with self._lock:
            self._over = True
            waiting = dict(self._waiting)
        for future, work in waiting.items():
            future.cancel()
            work.close()

    def _check_thread(self) -> None:
        if self._thread is not None and threading.get_ident() == self._thread.ident:
            raise WrongState(
                "a blocking call on the engine's own thread (from on_event, a hook or another callback) would stop "
                "every stream; hand it to a thread of yours, or use the methods of `engine.engine` without waiting"
            )
