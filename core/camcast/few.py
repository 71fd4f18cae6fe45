"""What a session keeps by the dozen and hardly ever fills: queues of a few items, and events that one task waits for.

A `deque` sets room aside for 64 items from the beginning, 0.7 KB, and an `asyncio.Event` is one and some more. A
session has twenty of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")
NOTHING: frozenset[Any] = frozenset()
"""For sets that stay empty in most sessions; each empty one of their own takes 0.2 KB."""


class Few(list[T]):
    """A queue that is short: removing the first item moves all others. As a `deque`, `maxlen` bounds what is appended
    item by item."""

    __slots__ = ("maxlen",)

    def __init__(self, items: Iterable[T] = (), maxlen: int | None = None) -> None:
        super().__init__(items)
        self.maxlen = maxlen

    def append(self, item: T) -> None:
        """Add `item` at the end; where there are too many then, the first one is gone."""
        super().append(item)
        if self.maxlen is not None and len(self) > self.maxlen:
            del self[0]

    def popleft(self) -> T:
        """Remove the first item. Raises `IndexError` where there is none."""
        return self.pop(0)


class Bell(asyncio.Event):
    """An event of a session. What waits for it is kept in a list, which does all that asyncio asks of it here."""

    def __init__(self) -> None:
        super().__init__()
        self._waiters = []  # type: ignore[assignment]
