"""Counters that never fall: what has been counted is kept when whoever counts begins anew."""

from __future__ import annotations

from collections.abc import Hashable

import attrs


@attrs.define
class _Count:
    last: float = 0.0
    before: float = 0.0
    """What was counted before the last beginning."""
    round: int = 0


class Monotonic:
    """Of all counters of one scraped page. A session or a worker that is restarted counts from zero again."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, _Count] = {}
        self._round = 0

    def value(self, key: Hashable, now: float) -> float:
        """What to show of a counter that stands at `now`: never less than the last time."""
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count()
        if now < count.last:
            count.before += count.last
        count.last, count.round = now, self._round
        return count.before + now

    def end(self) -> None:
        """All have been asked for: forget those that are not there any more."""
        self._counts = {key: count for key, count in self._counts.items() if count.round == self._round}
        self._round += 1
