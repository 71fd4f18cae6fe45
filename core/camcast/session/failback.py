"""When a session that is on a fallback tries the better targets again. Pure, with a clock passed in.

Every `after` seconds, unless it has moved back too often within the hour (a primary that comes and goes is not chased),
or the user has chosen the target: what somebody switched to stays until somebody says otherwise, or it is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from camcast.few import Few

HOUR = 3600.0


class Failback:
    """Of one session."""

    def __init__(self, after: float | None, max_moves_per_hour: int, now: Callable[[], float] = time.monotonic) -> None:
        """`after` None: never."""
        self.due = float("inf")
        """When the better targets are to be tried; inf while there is nothing to try."""
        self._after = after
        self._most = max_moves_per_hour
        self._now = now
        self._moves: Few[float] = Few()
        self._told = False
        self._index, self._chosen = 0, False

    def adopt(self, after: float | None, max_moves_per_hour: int) -> None:
        """Go by other rules; `due` counts from now where there is something to try."""
        self._after, self._most = after, max_moves_per_hour
        self.begin(self._index, chosen=self._chosen)

    def begin(self, index: int, *, chosen: bool) -> None:
        """The chain's entry `index` is on the air; `chosen`: because the user said so."""
        self._index, self._chosen = index, chosen
        wanted = index > 0 and not chosen and self._after is not None
        self.due = self._now() + (self._after or 0.0) if wanted else float("inf")

    def tried(self) -> None:
        """They have been tried, and will be again."""
        if self.due != float("inf"):
            self.due = self._now() + (self._after or 0.0)

    def moved(self) -> None:
        """The session has moved back."""
        self._moves.append(self._now())

    @property
    def held(self) -> int | None:
        """How many moves within the hour forbid another one; None = it is allowed."""
        now = self._now()
        while self._moves and now - self._moves[0] > HOUR:
            self._moves.popleft()
        if len(self._moves) < self._most:
            self._told = False
            return None
        return len(self._moves)

    def news(self) -> bool:
        """Whether it is news that moves are held; asked once, it is not news any more until they are allowed again."""
        news, self._told = not self._told, True
        return news
