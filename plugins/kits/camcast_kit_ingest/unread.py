"""A track of which nothing can be read is told of once, with the parser's words: else it is missing without a sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from camcast.media import MediaKind

ENOUGH = 20
"""Units of a track of which not one could be read, after which that is told."""
NO_PARAMETERS = "nothing says how it is to be decoded: its parameter sets have not come"


class Unread:
    """Of one sender."""

    def __init__(self, note: Callable[[str, str], object]) -> None:
        self._note = note
        self._refused: Counter[MediaKind] = Counter()
        self._readable: set[MediaKind] = set()

    def begin(self) -> None:
        """Another sender, of which nothing is known."""
        self._refused.clear()
        self._readable.clear()

    def read(self, kind: MediaKind) -> None:
        """Something of it was read: what is damaged later is damaged, and no more."""
        self._readable.add(kind)

    def refused(self, kind: MediaKind, why: str) -> None:
        """A unit of it could not be read."""
        if kind in self._readable:
            return
        self._refused[kind] += 1
        if self._refused[kind] == ENOUGH:
            self._note("track_damaged", f"nothing that comes of its {kind.value} can be used: {why}")
