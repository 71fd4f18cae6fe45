"""How a camera is told that somebody still watches (RFC 2326 §10.1, §10.8, §12.37). No I/O, no clock.

Cameras differ in what they count as a sign of life, whatever they advertise: some never answer GET_PARAMETER, some
answer and do not count it, some hang up. So the requests that a camera may know take turns, three in a session's time,
and what proves useless is not sent again, on later connections neither.
"""

from __future__ import annotations

from collections import Counter

MAX_INTERVAL = 25.0
"""Seconds between requests, at most."""
SHARE = 3
"""Requests in a session's time: two kinds take turns, and each comes in time by itself."""
ANSWER = 5.0
"""Seconds for an answer, at most; then the other request is sent."""
LEAST_ANSWER = 1.0
SURE = 2
"""Requests in a row without an answer, after which none is expected: one may be late, or this machine busy."""
HANGUP = 2.0
"""A connection that ends within so many seconds of a request ended because of it, so it seems."""


SILENT, REFUSED, HANGS_UP = "is never answered", "is refused", "makes the camera hang up"
"""What a request may have proved to be."""


class KeepAlive:
    """Chooses what to send next. `known` is shared with later connections to the same camera."""

    def __init__(self, advertised: str, known: dict[str, str]) -> None:
        """`advertised`: the Public header in upper case."""
        self._known = known
        self._methods = [
            method
            for method in ("GET_PARAMETER", "OPTIONS", "SET_PARAMETER")
            if method == "OPTIONS" or method in advertised
        ]
        self._turn = 0
        self._unanswered: Counter[str] = Counter()
        self._last: tuple[str, float] | None = None

    @staticmethod
    def interval(timeout: float) -> float:
        """Seconds between requests for a session that lasts `timeout` seconds."""
        return min(timeout / SHARE, MAX_INTERVAL)

    @staticmethod
    def patience(timeout: float) -> float:
        """Seconds to wait for one answer."""
        return max(LEAST_ANSWER, min(KeepAlive.interval(timeout) / 2, ANSWER))

    def next(self, now: float) -> str | None:
        """The request to send at `now` (s); None = all make the camera hang up, so RTCP is all there is."""
        good = [method for method in self._methods if method not in self._known][:2]
        # Better one that seems useless than none.
        usable = good or [method for method in self._methods if self._known[method] != HANGS_UP]
        if not usable:
            return None
        method = usable[self._turn % len(usable)]
        self._turn += 1
        self._last = (method, now)
        return method

    def judged(self, method: str, verdict: str) -> bool:
        """Remember what a request proved to be; whether that is news."""
        news = self._known.get(method) != verdict
        self._known[method] = verdict
        return news

    def answered(self, method: str) -> None:
        """It was, be it late."""
        self._unanswered[method] = 0

    def not_answered(self, method: str) -> bool:
        """Its time is up; whether that makes it known as never answered."""
        self._unanswered[method] += 1
        return self._unanswered[method] >= SURE and self.judged(method, SILENT)

    def hung_up(self, now: float) -> str:
        """The connection has ended at `now`: because of which request, as far as can be known; "" = none."""
        if self._last is None or now - self._last[1] > HANGUP:
            return ""
        self.judged(self._last[0], HANGS_UP)
        return self._last[0]
