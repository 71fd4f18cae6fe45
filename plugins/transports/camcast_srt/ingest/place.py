"""What one source takes of a listener."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

import attrs

from camcast_kit_ingest.refusals import Refusals
from camcast_kit_ingest.rests import Rests
from camcast_srt.ingest.access import PlaceTold

_LOOK = 0.1
"""Seconds between two looks at whether media still comes, at least."""
_NUMBERS = itertools.count(1)


@attrs.define(eq=False)
class Place:
    """Those who call with `streamid`, one at a time."""

    streamid: str = attrs.field(repr=False)
    passphrase: str = attrs.field(repr=False)
    takeover: bool
    timeout: float
    """Seconds."""
    max_rate: int
    """bytes/s; 0 = as fast as it comes."""
    on_begin: Callable[[], object]
    on_data: Callable[[bytes], object]
    """May raise `StreamError`: then the publisher is cut off."""
    on_end: Callable[[str], object]
    """Told why."""
    on_refused: Callable[[str], object]
    """Told why, at most once a second; the first place of a listener also of those who named none."""
    on_counted: Callable[[str, int], object]
    """Told the same at once: a reason of the listener's `REASONS`, and how many."""
    on_broken: Callable[[str], object]
    """Nobody listens any more: told why."""
    number: int = attrs.field(factory=lambda: next(_NUMBERS), init=False)
    connection: int | None = attrs.field(default=None, init=False)
    rests: Rests = attrs.field(factory=lambda: Rests(time.monotonic()), init=False)
    refusals: Refusals = attrs.field(init=False)
    _heard: float = attrs.field(default=0.0, init=False)
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.refusals = Refusals(lambda text: self.on_refused(text), lambda *what: self.on_counted(*what))

    def told(self) -> PlaceTold:
        """As the process of the listener has it."""
        return PlaceTold(self.number, self.streamid, self.passphrase, self.takeover, self.max_rate)

    def began(self, connection: int, silent: Callable[[Place], object]) -> None:
        """`silent` is called when nothing has come for `timeout`."""
        self.connection = connection
        self._heard = asyncio.get_running_loop().time()
        self._look(silent)
        self.on_begin()

    def data(self, data: bytes) -> None:
        """Raises `StreamError`."""
        self._heard = asyncio.get_running_loop().time()
        self.on_data(data)

    def left(self, why: str) -> None:
        """The publisher has gone."""
        self.connection = None
        if self._timer is not None:
            self._timer.cancel()
        self.on_end(why)

    def close(self) -> None:
        """Nothing is told any more."""
        self.on_begin = lambda: None
        self.on_data = lambda data: None
        self.on_end = self.on_refused = self.on_broken = lambda text: None
        self.on_counted = lambda reason, count: None
        self.refusals.close()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, silent: Callable[[Place], object]) -> None:
        loop = asyncio.get_running_loop()
        left = self._heard + self.timeout - loop.time()
        if left <= 0:
            silent(self)
        else:
            self._timer = loop.call_later(max(left, _LOOK), self._look, silent)
