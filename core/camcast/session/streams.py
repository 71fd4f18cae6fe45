"""A camera's streams as one of its outputs sees them: its own, and the others by name, with what each brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from camcast.stream.feed import Feed
from camcast.stream.meters import Meter, Times


class Streams:
    """By name, "" = the output's own. All calls on the loop."""

    def __init__(self, own: Feed, others: Callable[[str], Feed | None]) -> None:
        """`others` finds a stream of the same camera by its name; None = it is not there."""
        self._own = own
        self._others = others
        self._meters: WeakKeyDictionary[Feed, Meter] | None = None
        """None until one is looked at, which most outputs never ask for."""

    def find(self, name: str) -> Feed | None:
        """None = it is not there."""
        return self._others(name) if name else self._own

    def look(self, names: Iterable[str], now: float) -> None:
        """Take one reading of each that is there, a few times a second. `now` is `time.monotonic()`."""
        for name in names:
            feed = self.find(name)
            if feed is not None:
                if self._meters is None:
                    self._meters = WeakKeyDictionary()
                self._meters.setdefault(feed, Meter()).look(now, feed.counters, feed.group, feed.newest_sound)

    def meter(self, name: str) -> Meter:
        """What was read of it; of one that is not there, or was replaced since, nothing."""
        feed = self.find(name)
        found = self._meters.get(feed) if self._meters is not None and feed is not None else None
        return found or Meter()

    def measured(self, name: str) -> bool:
        """Whether it is known when its timeline was 0."""
        return self.meter(name).zero != Times()

    def behind(self, name: str) -> Times:
        """By how much its timeline is behind the own one's."""
        return self.meter(name).zero - self.meter("").zero
