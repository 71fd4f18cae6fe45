"""Calls to a worker that wait for their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from camcast.errors import CamcastError
from camcast.patience import quiet
from camcast.workers import wire


class WorkerGone(CamcastError):
    """The worker is not there to answer; it is being restarted."""


class Calls:
    """Numbers what is sent and finds whose answer has come."""

    def __init__(self, name: str, send: Callable[[object], bool]) -> None:
        self._name = name
        self._send = send
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._number = 0

    def post(self, call: wire.Call) -> asyncio.Future[object]:
        """Send a call; the future resolves with its answer, or with `CamcastError`. Needs no await to be sent."""
        self._number += 1
        future: asyncio.Future[object] = quiet(asyncio.get_running_loop().create_future())
        if not self._send(wire.Do(self._number, call)):
            future.set_exception(WorkerGone(f"{self._name} is not running; it is being restarted"))
            return future
        self._waiting[self._number] = future
        return future

    def answered(self, done: wire.Done) -> None:
        """An answer has come."""
        future = self._waiting.pop(done.number, None)
        if future is None or future.done():
            return
        if done.error:
            future.set_exception(CamcastError(done.error))
        else:
            future.set_result(done.answer)

    def fail(self) -> None:
        """None of the answers that are waited for will come."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(WorkerGone(f"{self._name} died"))
