"""Durations, sizes and rates: as plain numbers of one unit, or as text that says its own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from camcast.structure import described

Duration = float | str | timedelta
"""What may be given for a duration: seconds, "500ms", a timedelta."""

_NUMBER = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*"
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_RATE_UNITS = {"": 1e-3, "k": 1.0, "m": 1e3, "g": 1e6}
"""kbit/s."""
_DURATION = re.compile(rf"{_NUMBER}(ms|s|sec|min|m|h|d|)\s*", re.ASCII)
_SIZE = re.compile(rf"{_NUMBER}((?:[kmg]i?)?)b?\s*", re.ASCII | re.IGNORECASE)
_RATE = re.compile(rf"{_NUMBER}([kmg]?)(?:bit/s|bps|b/s)\s*", re.ASCII | re.IGNORECASE)
_LONGEST = 10 * 365 * 86400.0
_MAX_TEXT = 32
"""Characters. Nobody writes a longer number."""

DURATION_WORDS = 'seconds or a duration such as "500ms", "1.5s" or "5 min"'
SIZE_WORDS = 'a number of bytes or a size such as "4MB" or "64 MiB"'
RATE_WORDS = 'kbit/s or a rate such as "800 kbit/s" or "4 Mbit/s"'
DURATION_SCHEMA: Mapping[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*(ms|s|sec|min|m|h|d|)\s*$"},
    ]
}
SIZE_SCHEMA: Mapping[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*([kKmMgG][iI]?)?[bB]?\s*$"},
    ]
}
_RATE_PATTERN = r"^\s*(\d+(\.\d*)?|\.\d+)\s*[kKmMgG]?[bB]([iI][tT]/|[pP]|/)[sS]\s*$"


def is_number(value: object) -> bool:
    """Whether it can be compared. An int may be too large for a float, so only floats are asked what they are."""
    if isinstance(value, float):
        return not math.isnan(value)
    return isinstance(value, int) and not isinstance(value, bool)


def read_seconds(value: Any) -> float:
    """Seconds as a number, a `timedelta`, or "500ms", "1.5s", "5 min", "2h", "1d"."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif is_number(value):
        seconds = float(value) if abs(value) < 1e15 else -1.0
    else:
        number, unit = _split(_DURATION, value, DURATION_WORDS)
        seconds = number * _DURATION_UNITS[unit]
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"expected a duration of 0 s to 10 years, got {described(value)}")
    return seconds


def read_positive_seconds(value: Any) -> float:
    """Like `read_seconds`, but not 0."""
    seconds = read_seconds(value)
    if seconds <= 0:
        raise ValueError("expected a duration above 0 s, got 0")
    return seconds


def read_bytes(value: Any) -> int:
    """Bytes as a whole number, or "512 kB", "4MB" (decimal), "64 MiB" (binary)."""
    count = -1.0
    if is_number(value):
        count = float(value) if abs(value) < 1e15 and value == value // 1 else -1.0
    else:
        number, unit = _split(_SIZE, value, SIZE_WORDS)
        count = number * _SIZE_UNITS[unit.lower()]
    if not 1 <= count <= 2**40:
        raise ValueError(f"expected {SIZE_WORDS}, got {described(value)}")
    return int(count)


def read_kbps(value: Any, low: int, high: int) -> int:
    """kbit/s as a number, or "800 kbit/s", "4 Mbit/s"; 0 where it is not set."""
    if is_number(value):
        kbps: float = value
    else:
        number, unit = _split(_RATE, value, RATE_WORDS)
        kbps = number * _RATE_UNITS[unit.lower()]
    if kbps and not low <= kbps <= high:
        raise ValueError(f"expected {low} to {high} kbit/s, got {described(value)}")
    return round(kbps)


def rate_schema(low: int, high: int) -> Mapping[str, Any]:
    """The same for an editor."""
    number = {"type": "number", "minimum": low, "maximum": high}
    return {"anyOf": [number, {"const": 0}, {"type": "string", "pattern": _RATE_PATTERN}]}


def _split(pattern: re.Pattern[str], value: Any, words: str) -> tuple[float, str]:
    """Number and unit of a text. Raises `ValueError`."""
    if not isinstance(value, str):
        raise ValueError(f"expected {words}, got {described(value)}")
    match = pattern.fullmatch(value) if len(value) <= _MAX_TEXT else None
    if match is None:
        raise ValueError(f"expected {words}, got other text")
    return float(match[1]), match[2]
