"""NAL unit framing: Annex B start codes and length prefixes, and the way from one to the other.

Rules: Annex B is `00 00 01` before each unit, any number of zero bytes before and after (ISO 14496-10 Annex B);
length-prefixed is a big-endian size of 1 to 4 bytes before each unit (ISO 14496-15 §5.3.3). What camcast hands
on has 4-byte sizes. Everything is bounded and strict: a size that points beyond the data is damage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from camcast.errors import MediaError

START_CODE = b"\x00\x00\x00\x01"
MAX_UNITS = 512
"""Units in one access unit; more is a flood, not a picture."""

_SHORT_START_CODE = b"\x00\x00\x01"
_split = re.compile(_SHORT_START_CODE).split
"""Twice as fast as bytes.split: a frame is searched to its end."""


def starts_like_annexb(data: bytes) -> bool:
    """Whether `data` begins with a start code, after any number of zero bytes."""
    first = data.find(_SHORT_START_CODE)
    return first >= 0 and not data[:first].strip(b"\x00")


def split_annexb(data: bytes, limit: int = MAX_UNITS) -> list[bytes]:
    """The units between start codes; empty where two start codes meet. Raises `MediaError`."""
    units = _split(data, limit + 1)
    if len(units) == 1:
        raise MediaError(f"no Annex B start code in {len(data)} bytes")
    if units[0].strip(b"\x00"):
        raise MediaError("bytes before the first Annex B start code")
    if len(units) > limit + 1:
        raise MediaError(f"more than {limit} NAL units in one access unit")
    # A unit never ends in a zero byte: such zeros belong to the next, longer start code or are padding.
    return [unit.rstrip(b"\x00") for unit in units[1:]]


def split_prefixed(data: bytes, size: int = 4, limit: int = MAX_UNITS) -> list[bytes]:
    """The units behind size fields of `size` bytes; empty where a size is 0. Raises `MediaError` unless they fill
    `data` exactly."""
    units: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        start = position + size
        length = int.from_bytes(data[position:start], "big")
        position = start + length
        if start > end or position > end:
            raise truncated(length, end - start)
        if len(units) == limit:
            raise MediaError(f"more than {limit} NAL units in one access unit")
        units.append(data[start:position])
    return units


def divided(units: Sequence[bytes]) -> list[bytes]:
    """Units each by itself where start codes stand inside of them, or in front: no unit may hold one (ISO 14496-10
    §7.4.1.1), but encoders exist that put a whole Annex B sequence behind one size field."""
    found: list[bytes] = []
    for unit in units:
        parts = _split(unit)
        found += [unit] if len(parts) == 1 else [part.rstrip(b"\x00") for part in parts if part.strip(b"\x00")]
    return found


def truncated(length: int, left: int) -> MediaError:
    """The error for a size field that points beyond the data."""
    if left < 0:
        return MediaError(f"truncated NAL unit: its size field lacks {-left} bytes")
    return MediaError(f"truncated NAL unit: its size field says {length} bytes, {left} are left")


def join_prefixed(units: Iterable[bytes]) -> bytes:
    """Units behind 4-byte size fields."""
    parts: list[bytes] = []
    for unit in units:
        parts += (len(unit).to_bytes(4, "big"), unit)
    return b"".join(parts)


def join_annexb(units: Sequence[bytes]) -> bytes:
    """Units behind 4-byte start codes."""
    return START_CODE + START_CODE.join(units) if units else b""


def to_annexb(payload: bytes) -> bytes:
    """A payload with 4-byte size fields as Annex B; same length, one copy. Raises `MediaError`."""
    out = bytearray(payload)
    position, end = 0, len(payload)
    while position < end:
        start = position + 4
        length = int.from_bytes(payload[position:start], "big")
        out[position:start] = START_CODE
        position = start + length
        if start > end or position > end:
            raise truncated(length, end - start)
    return bytes(out)
