"""Whether a figure grows: its slope by least squares, with a confidence interval that noise that comes in waves widens.

Samples of memory are not independent: what has been allocated stays for a while. So they are averaged over pieces of
equal length, and the pieces' own correlation from one to the next lowers the number that they count for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import NormalDist, fmean

import attrs

PIECES = 40
LEAST_PIECES = 8
CONFIDENCE = 0.95
HOUR = 3600.0


@attrs.frozen
class Trend:
    """A slope an hour, and the interval that holds the true one with a probability of `CONFIDENCE`."""

    slope: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def grows(self, limit: float) -> bool:
        """Whether it grows by more than `limit` an hour for certain."""
        return self.low > limit

    def __str__(self) -> str:
        if math.isinf(self.low):
            return f"{self.slope:+.2f} (too short to say)"
        return f"{self.slope:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def trend(times: Sequence[float], values: Sequence[float]) -> Trend:
    """Of `values` at `times` in seconds."""
    points = _pieces(times, values)
    count = len(points)
    if count < 2:
        return Trend()
    mean_time, mean_value = fmean(time for time, _ in points), fmean(value for _, value in points)
    spread = sum((time - mean_time) ** 2 for time, _ in points)
    if not spread:
        return Trend()
    slope = sum((time - mean_time) * (value - mean_value) for time, value in points) / spread
    if count < LEAST_PIECES:
        return Trend(slope * HOUR)
    rest = [value - mean_value - slope * (time - mean_time) for time, value in points]
    squares = sum(one**2 for one in rest)
    following = sum(one * other for one, other in itertools.pairwise(rest)) / squares if squares else 0.0
    freedom = count * (1 - max(0.0, following)) / (1 + max(0.0, following)) - 2
    if freedom < 1:
        return Trend(slope * HOUR)
    wide = student(CONFIDENCE, freedom) * math.sqrt(squares / freedom / spread)
    return Trend(slope * HOUR, (slope - wide) * HOUR, (slope + wide) * HOUR)


def _pieces(times: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """(mean time, mean value) of pieces with as many samples each."""
    size = max(1, math.ceil(len(times) / PIECES))
    return [
        (fmean(times[start : start + size]), fmean(values[start : start + size]))
        for start in range(0, len(times), size)
    ]


def student(confidence: float, freedom: float) -> float:
    """The two-sided quantile of Student's t distribution, by its expansion around the normal one (Abramowitz and
    Stegun 26.7.5); within 2 % from 3 degrees of freedom on."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
