"""Supplemental enhancement information: the messages in one SEI unit (ISO 14496-10 §7.3.2.3, ISO 23008-2 §7.3.5)."""

from __future__ import annotations

from collections.abc import Iterator

from camcast.bitstream.bits import unescape
from camcast.errors import MediaError


def messages(nal: bytes, header_size: int) -> Iterator[tuple[int, bytes]]:
    """(payload type, payload) of each message. Raises `MediaError` for one that ends early."""
    data = unescape(nal)
    position, end = header_size, len(data)
    # At least one byte of trailing bits follows the last message.
    while position + 2 < end:
        kind, position = _number(data, position)
        size, position = _number(data, position)
        if size > end - position:
            raise MediaError(f"SEI message says {size} bytes, {end - position} are left")
        yield kind, data[position : position + size]
        position += size


def _number(data: bytes, position: int) -> tuple[int, int]:
    """A payload type or size: bytes of 255 add up."""
    total = 0
    while position < len(data):
        byte = data[position]
        total, position = total + byte, position + 1
        if byte != 0xFF:
            return total, position
    raise MediaError("SEI message ends in its header")
