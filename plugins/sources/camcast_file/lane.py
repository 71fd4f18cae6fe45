"""One stream of a file: where it has come to in the current pass, and its packets' times in whole ticks."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from camcast.media import NS_PER_MS, NS_PER_S, MediaKind, Packet
from camcast_file.display import DisplayTimes

if TYPE_CHECKING:
    from camcast.contracts import CodecParser
    from camcast.kinds import CodecKind

MAX_REORDER = 17
"""The most pictures that may wait for their decode times; H.264 and H.265 hold at most 16 back."""
MAX_PREROLL = 600
LEAP = NS_PER_S
FALL = NS_PER_S // 2
"""A packet so far ahead of the one before, or behind it, waits for those that follow: they show whether the file goes
on there."""
FALLEN = 2 * NS_PER_S
MAX_FALLEN = 300
"""When so much has gone on from where it fell to, the file does."""
PRIMING = 100 * NS_PER_MS
PREROLL = 200 * NS_PER_MS
"""In so little time all pictures pass that are there for decoding only."""


@attrs.define(eq=False)
class Lane:
    """One stream of the file and where it has come to in this pass. Times are ticks of `base`."""

    kind: MediaKind
    codec: CodecKind
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
    display: DisplayTimes | None = None
    """Where the file has no display times."""
    preroll: list[Packet] = attrs.field(factory=list)
    """Pictures that are there for decoding only (edit lists)."""
    refusal: str = ""
    """What the parser said of the first unit that it could not read."""
    given: int | None = None
    """Decode time of the last packet that went on, ns."""
    doubtful: list[Packet] = attrs.field(factory=list)
    """Packets that wait, see `LEAP`."""

    def __attrs_post_init__(self) -> None:
        self.scale, self.divisor = self.base.numerator * NS_PER_S, self.base.denominator

    @property
    def end(self) -> int:
        """When the last packet is over."""
        return 0 if self.last is None else self.last + (self.step or self.fallback)

    @property
    def length(self) -> Fraction:
        if self.first is None or self.last is None:
            return Fraction(0)
        return (self.end - self.first) * self.base

    def ns(self, ticks: int) -> int:
        return (2 * ticks * self.scale + self.divisor) // (2 * self.divisor)

    def dated(self, raw: Any) -> list[tuple[Any, int, int | None]]:
        """Packets that can go on now, each with its dts and pts in ticks: at the beginning, and where times lack.

        Matroska has no decode times; FFmpeg finds them out a few pictures late when there are B-frames. So the
        first pictures wait for the first known time and are counted back from there.
        """
        dts, pts = raw.dts, raw.pts
        if dts is None and pts is not None and self.last is None and self._may_wait():
            self.waiting.append(raw)
            return []
        early, self.waiting = self.waiting, []
        if dts is None:
            dts = self._guess(pts)
        step = self._duration(raw) or self.fallback
        ready = [(packet, dts - (len(early) - number) * step, packet.pts) for number, packet in enumerate(early)]
        if self.first is None:
            self.first = ready[0][1] if ready else dts
        self.step = self._duration(raw) or (0 if self.last is None else max(0, dts - self.last))
        self.last = dts
        ready.append((raw, dts, pts))
        return ready

    def _duration(self, raw: Any) -> int:
        """A packet's own, 0 = it does not say. Raw streams that do not tell their rate get one tick from FFmpeg."""
        duration = int(raw.duration or 0)
        return 0 if self.kind is MediaKind.VIDEO and self.ns(duration) < NS_PER_MS else duration

    def settled(self, packet: Packet) -> list[Packet]:
        """Packets that can go on now. Those whose times are elsewhere, while what follows goes on as before, move no
        others: they lie between."""
        given, doubtful = self.given, self.doubtful
        if given is None:
            return [self.spaced(packet)]
        goes_on = -FALL <= packet.dts - given <= LEAP
        if not doubtful:
            if goes_on:
                return [self.spaced(packet)]
            doubtful.append(packet)
            return []
        first = doubtful[0].dts
        if goes_on:
            self._lay(doubtful, given, packet.dts)
        elif first < given and packet.dts - first <= FALLEN and len(doubtful) < MAX_FALLEN:
            doubtful.append(packet)
            return []
        return [*self.flushed(), self.spaced(packet)]

    def flushed(self) -> list[Packet]:
        """What waits goes on, as it is."""
        doubtful, self.doubtful = self.doubtful, []
        return [self.spaced(packet) for packet in doubtful]

    @staticmethod
    def _lay(packets: list[Packet], begin: int, end: int) -> None:
        """Put them between two times, at even distances."""
        step = max(0, end - begin) // (len(packets) + 1)
        for number, packet in enumerate(packets, 1):
            moved = begin + number * step - packet.dts
            packet.dts += moved
            packet.pts += moved

    def spaced(self, packet: Packet) -> Packet:
        """Two pictures with one timestamp are a millisecond apart: receivers drop what does not go on."""
        if self.given is not None and self.kind is MediaKind.VIDEO and 0 <= self.given - packet.dts < NS_PER_S:
            moved = self.given + NS_PER_MS - packet.dts
            packet.dts += moved
            packet.pts = max(packet.pts, packet.dts) if packet.pts < packet.dts else packet.pts
        self.given = packet.dts
        return packet

    def after_preroll(self, packet: Packet) -> list[Packet]:
        """`packet` is the first that is to be shown: what a decoder needs before it, squeezed, and itself."""
        before, self.preroll = self.preroll, []
        if self.kind is MediaKind.AUDIO:
            # A decoder of sound needs a frame or two before what is heard.
            return [*(each for each in before if packet.dts - each.dts <= PRIMING), packet]
        if not before or packet.keyframe:
            return [packet]
        step = min(NS_PER_MS, PREROLL // len(before))
        begin = packet.dts - len(before) * step
        ranks = {id(each): rank for rank, each in enumerate(sorted(before, key=lambda each: each.pts))}
        for number, each in enumerate(before):
            each.dts, each.pts = begin + number * step, begin + ranks[id(each)] * step
        return [*before, packet]

    def _may_wait(self) -> bool:
        return self.kind is MediaKind.VIDEO and len(self.waiting) < MAX_REORDER

    def _guess(self, pts: int | None) -> int:
        if self.last is not None:
            return self.last + (self.step or self.fallback)
        return 0 if pts is None else pts
