"""What librtmp has read from the socket and not given out yet: several messages may come in one segment.

It has no call for that. Its session holds a `RTMPSockBuf` (rtmp.h): the descriptor, the number of bytes left, where
they begin, and 16 KiB behind these. Where in the session differs between releases, so it is looked for by what must be
true of it.
"""

from __future__ import annotations

from typing import Any

_SEARCHED = 4096
"""Bytes of the session that are looked through: the session is larger than its buffer."""
_BUFFER = 16384
_HEAD = 16
"""Bytes before the buffer: two ints and a pointer."""


class Buffered:
    """Of one session that has shaken hands over the socket `descriptor`."""

    def __init__(self, ffi: Any, rtmp: Any, descriptor: int) -> None:
        base = ffi.cast("char *", rtmp)
        self._left: Any = None
        for offset in range(0, _SEARCHED, 8):
            numbers = ffi.cast("int *", base + offset)
            start = int(ffi.cast("uintptr_t", ffi.cast("char **", base + offset)[1]))
            buffer = int(ffi.cast("uintptr_t", base)) + offset + _HEAD
            if numbers[0] == descriptor and 0 <= numbers[1] <= _BUFFER and buffer <= start <= buffer + _BUFFER:
                self._left = numbers
                return

    def __bool__(self) -> bool:
        return self._left is not None and self._left[1] > 0
