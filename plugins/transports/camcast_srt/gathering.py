"""Frames of sound that go together in one PES packet (§2.4.3.7: its time is that of the first). Pure.

Alone, each small frame fills a packet of its own up with nothing, and has a header and a datagram of its own: 50 % more
for sound, which thin links do not have. FFmpeg's muxer gathers up to 2,930 bytes or 350 ms. Nobody waits here for the
next frame: what has waited for `HOLD` is due, and what the next one would make wait for longer goes before it comes.
"""

from __future__ import annotations

from camcast_srt.ingest.frames import adts_frame, opus_samples
from camcast_srt.programme_clock import CLOCK

HOLD = 0.05
"""Seconds that the first of them waits, at most: a sixth of the lead that decode times have, so none is late for it.
Three frames of 48 kHz leave little for more of them to save."""
ROOM = 7 * 184 - 14
"""Bytes of sound in one PES packet: what one datagram of SRT holds, so that none that is lost takes two along."""
HELD = int(HOLD * CLOCK)
"""The same in ticks."""
_STRAYS = CLOCK // 200
"""Ticks by which a frame's own time may be off the end of the one before. Receivers count the times of all but the
first by how long frames are."""


def duration(codec: str, data: bytes) -> int:
    """Ticks that a frame (ADTS, or an Opus packet) lasts; 0 = not known."""
    if codec == "aac":
        return adts_frame(data, 0)[1] * CLOCK // 1_000_000_000
    return opus_samples(data) * CLOCK // 48_000


class Gathering:
    """Of one track."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes that wait."""
        self._frames: list[bytes] = []
        self._first = self._next = 0
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def goes_on(self, size: int, dts: int) -> bool:
        """Whether a frame of `size` bytes follows what waits, and has room beside it."""
        return abs(dts - self._next) <= _STRAYS and self.size + size <= ROOM

    def add(self, frame: bytes, dts: int, lasts: int, now: float) -> bool:
        """Returns whether what waits should go now: the next one would make it wait for too long."""
        if not self._frames:
            self._first, self._since = dts, now
        self._frames.append(frame)
        self.size += len(frame)
        self._next = dts + lasts
        return not lasts or self._next - self._first > HELD

    def take(self) -> tuple[bytes, int]:
        """All that waits, and when its first frame is due."""
        payload, first = b"".join(self._frames), self._first
        self._frames.clear()
        self.size = 0
        return payload, first

    def due_in(self, now: float) -> float | None:
        """Seconds until what waits has to go; None = nothing waits."""
        return self._since + HOLD - now if self._frames else None
