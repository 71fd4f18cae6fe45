"""A path with a rate, a length and hiccups, and a loop whose clock jumps: minutes of streaming in a moment, no sockets.

The path behaves as TCP does where it matters here: a window that opens by what is acknowledged, a queue at the
bottleneck, losses when that is full, and retransmission after a cut, which waits twice as long each time. Checked
against the real thing only roughly; what holds on real sockets is tested with those.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

import attrs

from camcast.media import Packet, Tag, Unit

T = TypeVar("T")

SEGMENT = 1460
STEP = 0.005
HEADER = 12
"""Bytes that the transport adds to each unit."""


class _Selector(selectors.SelectSelector):
    """Instead of waiting, it moves the clock."""

    time = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen any more")
        self.time += timeout
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop on which waiting takes no time. Whatever comes from outside it would never be waited for."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.time


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a `JumpingLoop`."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


@attrs.define(eq=False)
class Path:
    """`rate` bytes/s; `round_trip` s; `cuts`: (from, to) on the loop's clock, in which nothing passes."""

    rate: float
    round_trip: float
    cuts: tuple[tuple[float, float], ...] = ()
    written: int = 0
    left: int = 0
    """Bytes sent at least once."""
    acked: int = 0
    now: float = 0.0
    window: float = 10 * SEGMENT
    _sent: int = 0
    """Where sending goes on: behind `left` when something is sent again."""
    _threshold: float = 1e12
    _queue: float = 0.0
    _queued: int = 0
    """Where what has left the bottleneck's queue ends."""
    _air: deque[tuple[float, int]] = attrs.field(factory=deque)
    _lost: float = -1.0
    """When bytes were lost last, and the window in segments before that. (CUBIC, RFC 9438)"""
    _peak: float = 0.0
    _resend: tuple[float, float] | None = None
    """When it is sent again, and how long the wait was."""
    _last_write: float = 0.0

    @property
    def buffer(self) -> float:
        """Bytes that the bottleneck keeps: as long as the way, but 50 ms and 64 KiB at the least."""
        return max(64 * 1024, self.rate * max(0.05, self.round_trip))

    @property
    def timeout(self) -> float:
        return max(0.2, 2 * self.round_trip)

    def write(self, size: int, now: float) -> None:
        self.advance(now)
        if self.written == self.acked and now - self._last_write > self.timeout:
            self.window = min(self.window, 10 * SEGMENT)
        self.written += size
        self._last_write = now
        self._send()

    def advance(self, now: float) -> None:
        while self.now + STEP <= now:
            self.now += STEP
            self._step()

    def _is_cut(self, time: float) -> bool:
        return any(start <= time < end for start, end in self.cuts)

    def _step(self) -> None:
        if self._is_cut(self.now):
            if self._resend is None and self._sent > self.acked:
                self._resend = (self.now + self.timeout, self.timeout)
            # What was under way is lost.
            self._air.clear()
            self._queue = 0.0
        if self._resend is not None:
            at, waited = self._resend
            if self.now < at:
                return
            if self._is_cut(self.now):
                self._resend = (self.now + 2 * waited, 2 * waited)
                return
            self._resend = None
            self._lose()
            self.window = SEGMENT
            self._sent = self._queued = self.acked
        passed = min(self._queue, self.rate * STEP)
        if passed:
            self._queue -= passed
            self._queued = self._sent - int(self._queue)
            self._air.append((self.now + self.round_trip, self._queued))
        while self._air and self._air[0][0] <= self.now:
            self._acknowledge(self._air.popleft()[1])
        self._send()

    def _acknowledge(self, upto: int) -> None:
        gained = upto - self.acked
        if gained > 0:
            self.acked = upto
            self.left = max(self.left, upto)
            if self.window < self._threshold:
                self.window += gained
            else:
                back = (self._peak * 0.3 / 0.4) ** (1 / 3)
                target = (0.4 * (self.now - self._lost - back) ** 3 + self._peak) * SEGMENT
                self.window = max(self.window, min(target, 1.5 * self.window))

    def _lose(self) -> None:
        self._lost = self.now
        self._peak = self.window / SEGMENT
        self._threshold = self.window = max(2 * SEGMENT, 0.7 * self.window)

    def _send(self) -> None:
        if self._resend is not None or self._is_cut(self.now):
            # A window's worth still leaves, and is lost.
            if self._resend is None:
                self.left = self._sent = min(self.written, self.acked + int(self.window))
            return
        more = min(self.written - self._sent, int(self.window) - (self._sent - self.acked))
        if more > 0:
            self._sent += more
            self.left = max(self.left, self._sent)
            self._queue += more
            if self._queue > self.buffer and self.now - self._lost > self.round_trip:
                self._lose()


@attrs.define(eq=False)
class SimulatedTransport:
    """A transport over a `Path`. `positions`, `tells`: whether it says where units end, and what has not left."""

    path: Path
    positions: bool = True
    tells: bool = True
    sent: list[tuple[int, Unit, float]] = attrs.field(factory=list)
    """Where it ends, the unit, when it was sent."""

    def _now(self) -> float:
        now = asyncio.get_running_loop().time()
        self.path.advance(now)
        return now

    def send(self, unit: Unit, time: int) -> int | None:
        now = self._now()
        size = len(unit.head) + len(unit.body) if isinstance(unit, Tag) else len(unit.payload)
        self.path.write(HEADER + size, now)
        self.sent.append((self.path.written, unit, now))
        return self.path.written if self.positions else None

    @property
    def pending(self) -> int:
        self._now()
        return self.path.written - self.path.acked

    @property
    def acked(self) -> int:
        self._now()
        return self.path.acked

    @property
    def unsent(self) -> int | None:
        self._now()
        return self.path.written - self.path.left if self.tells else None


@attrs.define(eq=False)
class Viewer:
    """What came to the peer, and when: asked every few ms."""

    transport: SimulatedTransport
    came: list[tuple[float, Packet]] = attrs.field(factory=list)
    _next: int = 0

    def look(self) -> None:
        path, sent = self.transport.path, self.transport.sent
        while self._next < len(sent) and sent[self._next][0] <= path.acked:
            unit = sent[self._next][1]
            packet = unit.packet if isinstance(unit, Tag) else unit
            if packet is not None:
                self.came.append((path.now - path.round_trip / 2, packet))
            self._next += 1
