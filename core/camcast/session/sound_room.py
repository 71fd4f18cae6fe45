"""What an output's sound takes of its link: as it is sent, and until that is known, what most take. And what further
tracks in its connection do, as their streams bring it.
"""

from __future__ import annotations

import attrs

from camcast.media import MediaKind
from camcast.session.stage import OnAir
from camcast.stream.meters import RateMeter

SOUND = 128_000
"""bit/s that a sound track is taken for before it is known."""
SAME = 0.1
"""Of what it took before: a smaller change is none, as what is left for the picture would change with it."""


@attrs.define(eq=False)
class SoundRoom:
    """Of one attempt that is on the air."""

    rate: int = attrs.field(default=SOUND, init=False)
    """bit/s, as of the last look."""
    _tracks: int = attrs.field(default=0, init=False)
    """Likewise of further tracks."""
    _meter: RateMeter = attrs.field(factory=RateMeter, init=False)

    def look(self, on_air: OnAir, now: float, tracks: float = 0.0) -> int:
        """Returns what is to be left for both, bit/s. `now` is `time.monotonic()`; `tracks`: what further ones take."""
        if abs(tracks - self._tracks) > SAME * self._tracks:
            self._tracks = round(tracks)
        return self._own(on_air, now) + self._tracks

    def _own(self, on_air: OnAir, now: float) -> int:
        """`rate`, or 0 without a sound track."""
        if not any(track.kind is MediaKind.AUDIO for track in on_air.tracks):
            return 0
        self._meter.look(now, on_air.outlet.counters.sound_bytes)
        rate = self._meter.rate
        # None comes while a connection begins, and where all of it is lost.
        if rate and abs(rate - self.rate) > SAME * self.rate:
            self.rate = round(rate)
        return self.rate
