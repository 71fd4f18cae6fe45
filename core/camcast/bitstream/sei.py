"""Supplemental enhancement information: the messages in one SEI unit (ISO 14496-10 §7.3.2.3, ISO 23008-2 §7.3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from camcast.bitstream.bits import unescape
from camcast.errors import MediaError

_FULL = re.compile(rb"\xff*+")
MAX_MESSAGES = 128
"""In one unit; more is a flood."""


def messages(nal: bytes, header_size: int) -> Iterator[tuple[int, bytes]]:
    """(payload type, payload) of each message. Raises `MediaError` for one that ends early, and for too many."""
    data = unescape(nal)
    position, end = header_size, len(data)
    count = 0
    # At least one byte of trailing bits follows the last message.
    while position + 2 < end:
        if count == MAX_MESSAGES:
            raise MediaError(f"more than {MAX_MESSAGES} messages in one SEI unit")
        count += 1
        kind, position = _number(data, position)
        size, position = _number(data, position)
        if size > end - position:
            raise MediaError(f"SEI message says {size} bytes, {end - position} are left")
        yield kind, data[position : position + size]
        position += size


def _number(data: bytes, position: int) -> tuple[int, int]:
    """A payload type or size: bytes of 255 add up."""
    full = _FULL.match(data, position)
    last = full.end() if full else position
    if last >= len(data):
        raise MediaError("SEI message ends in its header")
    return 0xFF * (last - position) + data[last], last + 1
