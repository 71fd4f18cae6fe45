"""One stream of a file: where it has come to in the current pass, and its packets' times in whole ticks."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from camcast.media import NS_PER_S, MediaKind

if TYPE_CHECKING:
    from camcast.contracts import CodecParser

MAX_REORDER = 17
"""The most pictures that may wait for their decode times; H.264 and H.265 hold at most 16 back."""


@attrs.define(eq=False)
class Lane:
    """One stream of the file and where it has come to in this pass. Times are ticks of `base`."""

    kind: MediaKind
    parser: CodecParser
    extradata: bytes
    base: Fraction
    fallback: int
    """Duration of a packet when neither it nor its neighbours say."""
    scale: int = attrs.field(init=False)
    """`base` as ns = ticks * scale / divisor, because fractions are slow."""
    divisor: int = attrs.field(init=False)
    first: int | None = None
    """Decode time of the file's first packet, from where a pass is counted."""
    last: int | None = None
    step: int = 0
    waiting: list[Any] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.scale, self.divisor = self.base.numerator * NS_PER_S, self.base.denominator

    @property
    def length(self) -> Fraction:
        if self.first is None or self.last is None:
            return Fraction(0)
        return (self.last + (self.step or self.fallback) - self.first) * self.base

    def ns(self, ticks: int) -> int:
        return (2 * ticks * self.scale + self.divisor) // (2 * self.divisor)

    def dated(self, raw: Any) -> list[tuple[Any, int, int]]:
        """Packets that can go on now, each with its dts and pts in ticks: at the beginning, and where times lack.

        Matroska has no decode times; FFmpeg finds them out a few pictures late when there are B-frames. So the
        first pictures wait for the first known time and are counted back from there.
        """
        dts, pts = raw.dts, raw.pts
        if dts is None and self.last is None and self.kind is MediaKind.VIDEO and len(self.waiting) < MAX_REORDER:
            self.waiting.append(raw)
            return []
        early, self.waiting = self.waiting, []
        if dts is None:
            dts = self._guess(pts)
        step = raw.duration or self.fallback
        ready = [
            (packet, time, time if packet.pts is None else packet.pts)
            for number, packet in enumerate(early)
            for time in (dts - (len(early) - number) * step,)
        ]
        if self.first is None:
            self.first = ready[0][1] if ready else dts
        self.step = raw.duration or (0 if self.last is None else max(0, dts - self.last))
        self.last = dts
        ready.append((raw, dts, dts if pts is None else pts))
        return ready

    def _guess(self, pts: int | None) -> int:
        if self.last is not None:
            return self.last + (self.step or self.fallback)
        return 0 if pts is None else pts
