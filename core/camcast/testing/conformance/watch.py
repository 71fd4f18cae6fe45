"""What a plugin leaves behind or holds up: tasks, threads, descriptors, stray exceptions, a loop that stands still."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Self

import attrs

from camcast.session.resolver import THREAD as LOOK_UP

OURS = "conformance-"
"""What the names of the kit's own threads begin with."""
_LOOPS = "asyncio_"
"""And those of the loop's own (`asyncio.to_thread`), which end with it."""
_TICK = 0.005
"""Seconds between looks at what the loop does."""
_IDLE = ("selectors", "asyncio.runners")
"""Modules in which a loop's thread is while there is nothing to do; the latter for loops not written in Python."""
_SETTLE = 2.0
"""Seconds within which threads and descriptors must be gone."""


def threads() -> set[threading.Thread]:
    """Those that a plugin may have to answer for. Look-ups are made for it, on threads that stay for a while after."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith((OURS, _LOOPS, LOOK_UP))}


def descriptors() -> dict[int, str]:
    """Open descriptors and what they are; {} where the system does not tell."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    # The directory itself was open while it was listed.
    return {number: what for number, what in found.items() if not what.endswith("/fd")}


def tasks() -> set[asyncio.Task[Any]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


@attrs.define
class Before:
    """What there was before. Made and asked on the loop."""

    tasks: set[asyncio.Task[Any]] = attrs.field(factory=tasks)
    threads: set[threading.Thread] = attrs.field(factory=threads)
    descriptors: dict[int, str] = attrs.field(factory=descriptors)

    async def left(self) -> str:
        """What there is more now, in words; "" = nothing. Things have a little time to go."""
        deadline = time.monotonic() + _SETTLE
        while True:
            found = self._found()
            if found:
                # Perhaps only garbage, in a cycle.
                gc.collect()
                found = self._found()
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.02)

    def _found(self) -> str:
        found = []
        if more_tasks := tasks() - self.tasks:
            found.append(f"tasks {[task.get_name() for task in more_tasks]}")
        if more_threads := threads() - self.threads:
            found.append(f"threads {[thread.name for thread in more_threads]}")
        # Not their number: older ones may be closed meanwhile.
        more = [what for number, what in descriptors().items() if self.descriptors.get(number) != what]
        if more:
            found.append(f"descriptors {more}")
        return ", ".join(found)


def abandoned(found: list[str]) -> str:
    """Of what `strays` collected, tasks that nobody ended and the garbage collector took away; "" = none."""
    return ", ".join(text for text in found if text.startswith("Task was destroyed"))


@contextlib.contextmanager
def strays() -> Iterator[list[str]]:
    """Collects exceptions that nobody caught: of tasks, callbacks and threads. On the loop."""
    found: list[str] = []
    loop = asyncio.get_running_loop()
    old_handler, old_hook = loop.get_exception_handler(), threading.excepthook

    def of_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        task = context.get("task")
        found.append(f"{context.get('message')}: {context.get('exception') or task!r}")

    def of_thread(arguments: threading.ExceptHookArgs) -> None:
        found.append(f"thread {arguments.thread and arguments.thread.name}: {arguments.exc_value!r}")

    loop.set_exception_handler(of_loop)
    threading.excepthook = of_thread
    try:
        yield found
    finally:
        loop.set_exception_handler(old_handler)
        threading.excepthook = old_hook


class Ticker:
    """Measures the longest time that the loop stood still. `async with Ticker() as ticker: …; ticker.longest`."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = 0.0
        self._handle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Ticker:
        self._last = time.monotonic()
        self._tick()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.sleep(0.01)
        if self._handle is not None:
            self._handle.cancel()

    def _tick(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self._handle = asyncio.get_running_loop().call_later(_TICK, self._tick)


class Sampler:
    """Measures for which part of the time the loop was at work or held. `with Sampler() as seen: …; seen.held`.

    It looks where the loop's thread is, so a busy machine, on which the loop wakes late, is not taken for one.
    """

    def __init__(self) -> None:
        self.held = 0.0
        self._loop_thread = threading.get_ident()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"{OURS}sampler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        looks = busy = 0
        while not self._ended.wait(_TICK):
            frame = sys._current_frames().get(self._loop_thread)
            looks += 1
            busy += frame is not None and frame.f_globals.get("__name__") not in _IDLE
        self.held = busy / max(looks, 1)


async def shortest(measure: Callable[[], Awaitable[float]], limit: float, tries: int = 3) -> float:
    """The least of up to `tries` measurements, or the first within `limit`.

    A busy machine makes anything slow now and then; what a plugin does itself it does every time.
    """
    found = await measure()
    for _ in range(tries - 1):
        if found <= limit:
            break
        found = min(found, await measure())
    return found


async def until(condition: Callable[[], object], seconds: float) -> bool:
    """Whether `condition()` became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.005)
    return True
