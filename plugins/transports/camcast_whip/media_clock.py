"""What the media's time is now, for sender reports; one for all tracks of an attempt, so that they stay in step."""

from __future__ import annotations

_FOLLOWS = 0.01
_JUMPS = 0.5
"""Seconds from which a difference is a new beginning and no drift."""


class MediaClock:
    """Seconds of any one clock against milliseconds of media."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def follow(self, time: int, now: float) -> None:
        """A unit of `time` is here at `now`."""
        difference = now - time / 1000
        if self._offset is None or abs(difference - self._offset) > _JUMPS:
            self._offset = difference
        else:
            self._offset += (difference - self._offset) * _FOLLOWS

    def time(self, now: float) -> float:
        """In milliseconds."""
        return (now - (self._offset or 0.0)) * 1000
