"""In which order pictures are shown where some refer to a later one: MPEG-1, -2 and -4.

A picture that refers to what is shown after it (B) is shown as it is decoded; any other when the next of its kind has
been decoded (ISO 13818-2 §6.1.1.11).
"""

from __future__ import annotations

from collections.abc import Callable

from camcast.media import Packet
from camcast_oldvideo.pictures import Picture

_BETWEEN = 1 << 20
"""More than there are B-pictures between two others."""


class ReferenceOrder:
    """Implements `codec_kind.PictureOrder`. `look` raises `MediaError` for what is no picture."""

    def __init__(self, look: Callable[[bytes], Picture]) -> None:
        self._look = look
        self._others = 0
        self._since = 0

    def place(self, packet: Packet) -> int:
        """See `PictureOrder`."""
        if self._look(packet.payload).bidirectional:
            self._since += 1
            # Before the picture that was decoded last, behind the one before that.
            return 2 * self._others * _BETWEEN + self._since
        self._others += 1
        self._since = 0
        return (2 * self._others + 1) * _BETWEEN
