"""Runs a coroutine step by step and cancels it at one chosen await, its own or that of a task it has started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Generator
from typing import Any

import attrs

_HEARD_WITHIN = 1.0


@attrs.define
class Cut:
    """How a run that was cut ended."""

    reached: bool
    """Whether there was such an await."""
    cancelled: bool = False
    error: BaseException | None = None
    result: Any = None
    heard: bool = True
    """False = it went on for a second after the cancellation."""


class _Stepped:
    """Passes everything on between a task and its coroutine, counting the suspensions."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], count: _Count) -> None:
        self._coroutine = coroutine
        self._count = count

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Any = self._coroutine.send
        argument: Any = None
        while True:
            try:
                waits_for = step(argument)
            except StopIteration as end:
                return end.value
            self._count.suspended()
            try:
                argument = yield waits_for
                step = self._coroutine.send
            except BaseException as error:  # noqa: BLE001  whatever is thrown in belongs to the coroutine
                step, argument = self._coroutine.throw, error


class _Count:
    def __init__(self, at: int) -> None:
        self.at = at
        self.seen = 0
        self.reached = False
        self.task: asyncio.Task[Any] | None = None

    def suspended(self) -> None:
        self.seen += 1
        if self.seen == self.at and self.task is not None and not self.task.done():
            self.reached = True
            asyncio.get_running_loop().call_soon(self.task.cancel)


async def cut(coroutine: Coroutine[Any, Any, Any], at: int, *, patience: float = 60.0) -> Cut:
    """Run `coroutine` and cancel it at its `at`-th await (1 = the first), or let it end if there are fewer.

    When neither has come after `patience` seconds it is cancelled all the same, and `reached` is False.
    """
    loop = asyncio.get_running_loop()
    count = _Count(at)
    old = loop.get_task_factory()

    async def run(inner: Coroutine[Any, Any, Any]) -> Any:
        return await _Stepped(inner, count)

    def factory(_loop: asyncio.AbstractEventLoop, inner: Any, **more: Any) -> asyncio.Task[Any]:
        return asyncio.Task(run(inner), loop=_loop, **more)

    loop.set_task_factory(factory)
    task = count.task = loop.create_task(coroutine)
    try:
        deadline = time.monotonic() + patience
        while not task.done() and not count.reached and time.monotonic() < deadline:
            await asyncio.wait([task], timeout=0.005)
        loop.set_task_factory(old)
        if not task.done() and not count.reached:
            task.cancel()
        if not task.done():
            await asyncio.wait([task], timeout=_HEARD_WITHIN)
    finally:
        loop.set_task_factory(old)
    if not task.done():
        task.cancel()
        return Cut(count.reached, heard=False)
    if task.cancelled():
        return Cut(count.reached, cancelled=True)
    if (error := task.exception()) is not None:
        return Cut(count.reached, error=error)
    return Cut(count.reached, result=task.result())
