"""A figure that is told again only once it differs enough: what goes up and down a little is no news.

Each telling is a message that the broker has to confirm, and rates of a camera never stay quite the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

SHARE = 0.05
"""Part of what was told last by which it must differ."""


class Steady:
    """Of several figures, by key."""

    def __init__(self) -> None:
        self._told: dict[Hashable, int] = {}

    def of(self, key: Hashable, figure: int) -> int:
        """`figure`, or what was told last where that is still nearly right. 0 is always told."""
        told = self._told.get(key)
        if told is None or not figure or abs(figure - told) > SHARE * told:
            self._told[key] = told = figure
        return told

    def keep_only(self, keys: Iterable[Hashable]) -> None:
        """Forget all others."""
        wanted = set(keys)
        self._told = {key: figure for key, figure in self._told.items() if key in wanted}
