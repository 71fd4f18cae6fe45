"""What plugins do on the event loop, timed: while one of their calls lasts, no camera moves.

A hold that does not end is seen from a thread (`engine/loop_watch.py`); these end, and are counted where they happen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Took = Callable[[float], object]
"""Called with the seconds of a call that took `HOLD` or longer."""

HOLD = 0.1
"""Seconds."""


@contextmanager
def timed(took: Took) -> Iterator[None]:
    """What is called in the block."""
    began = monotonic()
    try:
        yield
    finally:
        if (seconds := monotonic() - began) >= HOLD:
            took(seconds)


@coroutine
def timed_steps(work: Awaitable[T], took: Took) -> Generator[Any, Any, T]:
    """Await `work`, each of whose steps between two waits is timed by itself."""
    steps: Any = work.__await__()
    resume: Callable[[], Any] = partial(next, steps)
    while True:
        began = monotonic()
        try:
            waits_for = resume()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            resume = steps.send  # what it was may hold an error, whose trace holds this frame
            if (seconds := monotonic() - began) >= HOLD:
                took(seconds)
        try:
            resume = partial(steps.send, (yield waits_for))
        except BaseException as error:  # noqa: BLE001  it is the work's: a cancellation, say
            resume = partial(steps.throw, error)
