"""What a stream knows of those who publish to its source: whom it waits for, and how many it did not let in. Pure."""

from __future__ import annotations

from collections import Counter

MOST = 32
"""Reasons that are counted apart. They are a source's own few texts; more of them would be somebody else's."""
_OTHER = "another reason"


class Door:
    """Of one stream, over all runs of its source."""

    def __init__(self) -> None:
        self.waits_for = ""
        """"" = for nobody."""
        self.refused: Counter[str] = Counter()
        """By reason, since the stream was made."""

    def waits(self, what: str) -> None:
        """The source waits for `what`; "" = not any more."""
        self.waits_for = what

    def refuse(self, reason: str, count: int = 1) -> None:
        """So many more were not let in."""
        known = reason in self.refused or len(self.refused) < MOST
        self.refused[reason if known else _OTHER] += count
