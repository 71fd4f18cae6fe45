"""Marks of what an attempt has under way, oldest first: one for each frame of each session, so nothing but figures."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from camcast.media import MediaKind
from camcast.native import extension

Mark = tuple[int, int, float, int, MediaKind | None]
"""Where a unit ends in the stream of bytes, its time on the hub in ms, when it was sent, its arrival, and the kind that
it counts for."""
END: Final = 0
TIME: Final = 1
SENT: Final = 2
ARRIVAL: Final = 3
KIND: Final = 4


class Marks(deque[Mark]):
    """In the C form a ring of numbers (`native/marks.c`), of which each mark is made anew when it is asked for."""

    __slots__ = ()

    def settle(self, done: int) -> Mark | None:
        """Remove those that end at or before `done`; returns the newest of them, None = there is none."""
        newest = None
        while self and self[0][END] <= done:
            newest = self.popleft()
        return newest


if extension is not None and not TYPE_CHECKING:
    Marks = extension.Marks
    extension.kinds(MediaKind.VIDEO, MediaKind.AUDIO)
