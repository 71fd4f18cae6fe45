"""One direction of a link, without I/O and without a clock: a bounded queue, a wire with a rate, a delay behind it.

packet ──> [lost?] ──> queue (bytes) ──> wire (bit/s) ──> line (seconds) ──> out
"""

from __future__ import annotations

import random
from collections import deque

import attrs


@attrs.define
class Settings:
    """What a direction does to packets. All of it may be changed while packets are under way."""

    delay: float = 0.0
    """Seconds from the end of the wire to the other side."""
    rate: float | None = None
    """bit/s of whole IP packets; None = the wire takes no time."""
    queue: int = 256 * 1024
    """Bytes that may wait for the wire; what comes on top is lost (drop tail)."""
    loss: float = 0.0
    """Share of packets that vanish at random."""


@attrs.define
class Counts:
    """Packets, and bytes of those that came out."""

    taken: int = 0
    delivered: int = 0
    bytes: int = 0
    overflowed: int = 0
    """Lost because the queue was full."""
    lost: int = 0
    """Lost at random."""
    cut: int = 0
    """Lost because there was no link."""
    most_queued: int = 0
    """Bytes."""
    began: float = 0.0
    """When the first packet came; 0 = none yet."""


class Way:
    """One direction. Times are seconds of whatever clock the caller has; they must not go back."""

    def __init__(self, seed: int = 0) -> None:
        self.settings = Settings()
        self.counts = Counts()
        self._random = random.Random(seed)
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._line: deque[tuple[float, bytes]] = deque()
        self._free = 0.0
        """When the wire has sent what it is sending."""
        self._cut_until = self._held_until = 0.0

    def cut(self, now: float, seconds: float) -> None:
        """No link: what waits and what comes is lost. What has left the wire arrives."""
        self._advance(now)
        self.counts.cut += len(self._queue)
        self._queue.clear()
        self._queued = 0
        self._cut_until = now + seconds

    def hold(self, now: float, seconds: float) -> None:
        """The wire stands still, as a radio's does: packets queue up as far as there is room."""
        self._advance(now)
        self._held_until = now + seconds
        self._free = max(self._free, self._held_until)

    def take(self, packet: bytes, now: float) -> None:
        """A packet comes in."""
        self._advance(now)
        self.counts.taken += 1
        self.counts.began = self.counts.began or now
        if now < self._cut_until:
            self.counts.cut += 1
            return
        if self.settings.loss and self._random.random() < self.settings.loss:
            self.counts.lost += 1
            return
        if self._queued + len(packet) > self.settings.queue:
            self.counts.overflowed += 1
            return
        if not self._queue:
            # An idle wire begins now, not when it last became free.
            self._free = max(self._free, now)
        self._queue.append(packet)
        self._queued += len(packet)
        self.counts.most_queued = max(self.counts.most_queued, self._queued)
        self._advance(now)

    def due(self, now: float) -> list[bytes]:
        """The packets that have come out by now, in order."""
        self._advance(now)
        out = []
        while self._line and self._line[0][0] <= now:
            out.append(self._line.popleft()[1])
            self.counts.bytes += len(out[-1])
        self.counts.delivered += len(out)
        return out

    def next(self) -> float | None:
        """When `due` has something again; None = nothing is under way."""
        times = [self._line[0][0]] if self._line else []
        if self._queue:
            times.append(self._done(self._queue[0]))
        return min(times, default=None)

    def _done(self, packet: bytes) -> float:
        """When the wire will have sent `packet`, if it is the next."""
        rate = self.settings.rate
        return self._free + (len(packet) * 8 / rate if rate else 0.0)

    def _advance(self, now: float) -> None:
        """Put on the line what the wire has sent."""
        while self._queue and (done := self._done(self._queue[0])) <= now:
            packet = self._queue.popleft()
            self._queued -= len(packet)
            self._free = done
            # Never before what was put there earlier: a shorter delay overtakes nothing.
            last = self._line[-1][0] if self._line else 0.0
            self._line.append((max(done + self.settings.delay, last), packet))
