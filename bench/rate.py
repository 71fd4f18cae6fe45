"""The pace of a track, worked out as its frames come."""

from __future__ import annotations

import attrs

START = 1000
"""ms that are left out: a stream begins with a squeezed replay."""
_KNOWN = 25
"""Frames after which their usual distance is known."""


@attrs.define
class Rate:
    """ms per frame by least squares. A frame that the camera left out has its place all the same."""

    count: int = 0
    last: int = 0
    _index: int = 0
    _mean_index: float = 0.0
    _mean_time: float = 0.0
    _covariance: float = 0.0
    _variance: float = 0.0

    def add(self, at: int) -> None:
        """A frame at `at` ms of the stream."""
        gap, self.last = at - self.last, at
        if at <= START:
            return
        self._index += max(1, round(gap / self.slope)) if self.count >= _KNOWN else 1
        self.count += 1
        step = self._index - self._mean_index
        self._mean_index += step / self.count
        self._mean_time += (at - self._mean_time) / self.count
        self._covariance += step * (at - self._mean_time)
        self._variance += step * (self._index - self._mean_index)

    @property
    def slope(self) -> float:
        """0 while there are too few."""
        return self._covariance / self._variance if self._variance else 0.0
