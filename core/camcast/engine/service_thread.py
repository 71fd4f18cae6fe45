"""One run of a service, in a thread and on an event loop of its own, watched from the engine's loop."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from camcast.interpreter import hurry, rest

LOOK = 1.0
"""Seconds between two looks at whether its loop answers."""
MISSED_LOOKS = 10
"""Looks without an answer after which it hangs. Counted, so that a machine that stood still blames nobody."""


class _Selector(selectors.DefaultSelector):
    """Of a loop that shortens all threads' turns while it works: whoever sends pictures waits less for it."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        rest()
        try:
            return super().select(timeout)
        finally:
            hurry()


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(_Selector())


class ServiceThread:
    """Started once. All calls on the engine's loop."""

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`main` is run by the thread; whatever it raises ends up in `error`."""
        self._main = main
        self._engines = asyncio.get_running_loop()
        self._own: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._missed = 0
        self._unwanted = False
        self.ended = asyncio.Event()
        self.error: BaseException | None = None
        """Why it ended by itself; None = it returned, or was cancelled."""
        self._thread = threading.Thread(target=self._run, name=f"camcast-service-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ask for its end."""
        self._unwanted = True
        own, task = self._own, self._task
        if own is not None and task is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                own.call_soon_threadsafe(task.cancel)

    def look(self) -> bool:
        """Whether its loop has answered at one of the last looks; asks for the next answer. Call it every `LOOK` s."""
        self._missed += 1
        if self._own is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._own.call_soon_threadsafe(self._answer)
        return self._missed <= MISSED_LOOKS

    @property
    def answered(self) -> bool:
        """Whether it has answered since the last look."""
        return self._missed == 0

    def frame(self) -> FrameType | None:
        """The innermost call that the thread is in."""
        return sys._current_frames().get(self._thread.ident or 0)

    def _answer(self) -> None:
        self._missed = 0

    def _run(self) -> None:
        async def main() -> None:
            self._task = asyncio.current_task()
            self._own = asyncio.get_running_loop()
            if not self._unwanted:
                await self._main()

        hurry()
        try:
            # A thread of our own needs a loop of its own; the program around it stays as it is.
            with asyncio.Runner(loop_factory=_loop) as runner:
                runner.run(main())
        except asyncio.CancelledError:
            self.error = None
        except BaseException as error:  # noqa: BLE001  a service may raise anything, SystemExit too
            self.error = error
        finally:
            rest()
        with contextlib.suppress(RuntimeError):  # the engine's loop has gone
            self._engines.call_soon_threadsafe(self.ended.set)
