"""A silent track beside a stream that has no sound: one constant packet, timed by the picture."""

from __future__ import annotations

from collections.abc import Iterator

from camcast.kinds import CodecKind
from camcast.media import NS_PER_S, Packet, Track

SAMPLE_RATE = 44_100
CHANNELS = 2
MAX_GAP = 2 * NS_PER_S
"""A longer pause of the picture is not filled, it is skipped."""


class Silence:
    """Makes silent packets up to the picture's time; timestamps come from a running sample count."""

    def __init__(self, codec: CodecKind, sample_rate: int = SAMPLE_RATE, channels: int = CHANNELS) -> None:
        """`codec.silence` must not be None."""
        assert codec.silence is not None
        self.track: Track
        self.track, self._payload, self._samples = codec.silence(sample_rate, channels)
        self._start: int | None = None
        self._count = 0

    def until(self, time: int, arrival: int) -> Iterator[Packet]:
        """Packets due before `time` (ns)."""
        if self._start is None or time - self._due() > MAX_GAP:
            self._start, self._count = time, 0
        while (due := self._due()) <= time:
            self._count += 1
            yield Packet(self.track, due, due, True, self._payload, arrival=arrival)

    def _due(self) -> int:
        assert self._start is not None
        return self._start + self._count * self._samples * NS_PER_S // self.track.sample_rate
