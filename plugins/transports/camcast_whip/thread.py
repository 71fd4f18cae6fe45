"""The thread with a loop of its own on which the WebRTC work of one engine is done.

From the engine's loop packets come through a deque: the other loop is woken only when it is idle and then looks
every `INTERVAL`, because waking a loop from a thread costs tens of microseconds. The thread starts with the first
transport and ends with the last.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from camcast.contracts import Handover
from camcast.errors import NetworkError

T = TypeVar("T")

_log = logging.getLogger(__name__)

INTERVAL = 0.002
_RETELL = 0.02
"""Seconds until what the engine's hand-over had no room for is tried again."""


class WhipThread:
    """The thread of one engine. `attach`, `detach`, `submit` and `call` are for the engine's loop, `tell` for ours."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self._users = 0
        self._run: _Run | None = None

    def attach(self) -> None:
        """One more transport. Starts the thread if there is none."""
        self._users += 1
        if self._run is None:
            self._run = _Run(self._handover)

    def detach(self) -> None:
        """One transport less. The thread ends with the last, after what it was given so far."""
        self._users -= 1
        if not self._users and self._run is not None:
            self._run.call(self._run.loop.stop)
            self._run = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `work` over there."""
        assert self._run is not None, "not attached"
        return asyncio.run_coroutine_threadsafe(work, self._run.loop)

    async def run(self, work: Coroutine[Any, Any, T], timeout: float, what: str) -> T:
        """Run `work` over there and wait for it, `timeout` seconds at most. Cancelling this cancels that.

        Raises `NetworkError`, which says `what` took too long, and whatever `work` raises.
        """
        future = asyncio.wrap_future(self.submit(work))
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise NetworkError(f"{what} took longer than {timeout:g} s", stage="connect") from None

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a plain function over there soon, in order. The caller bounds how much lies there."""
        assert self._run is not None, "not attached"
        self._run.call(function, *args)

    def tell(self, function: Callable[..., object], *args: object) -> None:
        """Our loop: call `function` on the engine's; tried again while its hand-over is full."""
        if self._run is not None:
            self._run.tell(function, *args)


class _Run:
    """One life of the thread."""

    def __init__(self, handover: Handover) -> None:
        self.loop = asyncio.new_event_loop()
        self._handover = handover
        self._calls: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        self._lock = threading.Lock()
        self._idle = True
        self._untold: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()
        threading.Thread(target=self._work, name="camcast-whip", daemon=True).start()

    def call(self, function: Callable[..., object], *args: object) -> None:
        with self._lock:
            self._calls.append((function, args))
            wake, self._idle = self._idle, False
        if wake:
            self.loop.call_soon_threadsafe(self._drain)

    def tell(self, function: Callable[..., object], *args: object) -> None:
        if self._untold:
            self._untold.append((function, args))
        elif not self._handover.call(function, *args):
            self._untold.append((function, args))
            self.loop.call_later(_RETELL, self._retell)

    def _retell(self) -> None:
        while self._untold:
            function, args = self._untold[0]
            if not self._handover.call(function, *args):
                self.loop.call_later(_RETELL, self._retell)
                return
            self._untold.popleft()

    def _drain(self) -> None:
        count = len(self._calls)
        for _ in range(count):
            function, args = self._calls.popleft()
            try:
                function(*args)
            except Exception:  # noqa: BLE001  one transport's fault must not end the thread that serves them all
                _log.exception("WHIP thread: a call failed")
        if not count:
            with self._lock:
                if not self._calls:
                    self._idle = True
                    return
        self.loop.call_later(INTERVAL, self._drain)

    def _work(self) -> None:
        loop = self.loop
        asyncio.set_event_loop(loop)
        # Only names of STUN and TURN servers are looked up there; a hung look-up must not hold up the end.
        threads = ThreadPoolExecutor(4, "camcast-whip-names")
        loop.set_default_executor(threads)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            loop.close()
