"""A base for transports whose library has an awaitable writer: the queue, the figures and the deadlines are here.

An author writes `open`, `begin`, `write` and `end`, as plain coroutines that may fail and hang as they like. What
`contracts.Transport` promises of bounds, errors and closing is kept by this class:

- `send` queues. At most `limit` bytes wait; what does not fit is left out and counted, and after a left-out picture
  the video goes on with a keyframe.
- `write` has a deadline. When it passes, or `write` raises, the attempt is lost.
- `pending` is what waits, the unit being written, and what the author's `unacknowledged` says the library still
  holds; `acked` is what was written without the latter; `unsent` is what has not left this machine, when known.
- `close` lets the queue drain while it moves, calls `end`, and is through in two seconds whatever they do.
"""

from __future__ import annotations

import asyncio
import time as clock
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from camcast.contracts import TransportContext
from camcast.errors import NetworkError, TransportError
from camcast.kinds import Acceptance
from camcast.media import MediaKind, Packet, Tag, TagType, Track, Unit
from camcast.patience import quiet

T = TypeVar("T")

LIMIT = 8 << 20
"""Bytes. The outlet holds back long before; this is the last bound."""
MAX_UNITS = 8192
WRITE_DEADLINE = 5.0
_DRAIN_FOR = 0.7
_DRAIN_STEP = 0.005
_END_WITHIN = 0.7
_GIVE_UP_AFTER = 0.2
"""Seconds that a cancelled coroutine of the author's may take to return."""


class QueuedTransport(ABC):
    """Implements `contracts.Transport` on four coroutines. See the module's text."""

    def __init__(
        self, context: TransportContext, *, limit: int = LIMIT, write_deadline: float = WRITE_DEADLINE
    ) -> None:
        self.context = context
        self.target = context.target
        self._limit = limit
        self._write_deadline = write_deadline
        self._queue: deque[tuple[Unit, int, int]] = deque()
        self._queued = 0
        self._taken = 0
        """Bytes that `send` has taken, in all: the position at which the newest unit ends."""
        self._written = 0
        self._acked = 0
        self._filled = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._connected = False
        self._closed = False
        self._ending: asyncio.Task[None] | None = None
        self._lost = False
        self._wait_keyframe = False
        self._left_out = dict.fromkeys(MediaKind, 0)

    # --- what an author writes ----------------------------------------------------------------------------

    async def open(self) -> Acceptance | None:
        """Connect, as far as publishing may begin; see `contracts.Transport.connect`."""
        return None

    async def begin(self, tracks: Sequence[Track]) -> None:
        """Begin publishing; see `contracts.Transport.publish`."""
        return

    @abstractmethod
    async def write(self, unit: Unit, time: int) -> None:
        """Write one tag or packet; return when the library has taken it."""

    async def end(self) -> None:
        """Say goodbye if possible, and free everything. Called once, also when `open` has failed."""
        return

    def unacknowledged(self) -> int:
        """Bytes that the library has taken and the peer has not acknowledged, where it can be known."""
        return 0

    def not_sent(self) -> int | None:
        """Of those, the bytes that have not left this machine, where it can be known; None = not known."""
        return None if self.unacknowledged() else 0

    def size(self, unit: Unit) -> int:
        """How many bytes a unit counts."""
        return len(unit.head) + len(unit.body) if isinstance(unit, Tag) else len(unit.payload)

    def figures(self) -> Mapping[str, float]:
        """The protocol's own figures for `stats`."""
        return {}

    # --- contracts.Transport ------------------------------------------------------------------------------

    async def connect(self) -> Acceptance | None:
        if self._connected or self._closed:
            raise NetworkError("this attempt has been used already", stage="connect")
        self._connected = True
        return await self._step(self.open(), "connect")

    async def publish(self, tracks: Sequence[Track]) -> None:
        if not self._connected or self._closed or self._writer is not None:
            raise NetworkError("publish comes once, after connect", stage="publish")
        await self._step(self.begin(tracks), "publish")
        if self._closed:
            raise NetworkError("closed while publishing began", stage="publish")
        self._writer = asyncio.create_task(self._write_all())

    def send(self, unit: Unit, time: int) -> int:
        if self._writer is None or self._lost or self._closed:
            return self._taken
        size = self.size(unit)
        if self._must_leave_out(unit, size):
            return self._taken
        self._queue.append((unit, time, size))
        self._queued += size
        self._taken += size
        self._filled.set()
        return self._taken

    @property
    def pending(self) -> int:
        return self._queued + self.unacknowledged()

    @property
    def unsent(self) -> int | None:
        held = self.not_sent()
        return None if held is None else self._queued + held

    @property
    def acked(self) -> int:
        self._acked = max(self._acked, self._written - self.unacknowledged())
        return self._acked

    def stats(self) -> Mapping[str, float]:
        return {
            "queued_bytes": float(self._queued),
            "left_out_video": float(self._left_out[MediaKind.VIDEO]),
            "left_out_audio": float(self._left_out[MediaKind.AUDIO]),
            **self.figures(),
        }

    async def close(self) -> None:
        if self._ending is None:
            self._ending = asyncio.create_task(self._close())
        # Goes on when whoever waits is cancelled: the author's `end` must free what is open, and whoever closes again
        # waits for it.
        await asyncio.shield(self._ending)

    async def _close(self) -> None:
        if self._writer is not None and not self._lost:
            await self._drain()
        self._closed = True
        self._queue.clear()
        self._queued = 0
        if self._writer is not None:
            self._writer.cancel()
            await _bounded(self._writer, _GIVE_UP_AFTER)
        if self._connected:
            await _bounded(asyncio.ensure_future(self.end()), _END_WITHIN)

    # --- inside -------------------------------------------------------------------------------------------

    def _must_leave_out(self, unit: Unit, size: int) -> bool:
        """Whether there is no room for `unit`, or no use in it after what was left out."""
        packet = unit.packet if isinstance(unit, Tag) else unit
        if packet is None:
            # Headers: few, small, and nothing works without them.
            if len(self._queue) >= 2 * MAX_UNITS:
                self._lose(NetworkError("the queue is full of headers", stage="streaming"))
                return True
            return False
        video = _is_video(unit, packet)
        full = self._queued + size > self._limit or len(self._queue) >= MAX_UNITS
        if video and self._wait_keyframe and packet.keyframe and not full:
            self._wait_keyframe = False
        if not full and not (video and self._wait_keyframe):
            return False
        if video and not packet.disposable:
            self._wait_keyframe = True
        kind = MediaKind.VIDEO if video else MediaKind.AUDIO
        if not self._left_out[kind]:
            self.context.events.note("queue_full", f"{kind.value} is left out: {self._queued} bytes wait to be written")
        self._left_out[kind] += 1
        return True

    async def _write_all(self) -> None:
        try:
            while True:
                while not self._queue:
                    self._filled.clear()
                    await self._filled.wait()
                unit, time, size = self._queue[0]
                await self._within(self._write_deadline, self.write(unit, time), "streaming")
                # Counted as waiting until it is written.
                if self._queue:
                    self._queue.popleft()
                    self._queued -= size
                    self._written += size
        except TransportError as error:
            self._lose(error)

    def _lose(self, error: TransportError) -> None:
        if not self._lost and not self._closed:
            self._lost = True
            # `send` may be on the stack, in the middle of handing one unit to everybody.
            asyncio.get_running_loop().call_soon(self.context.events.lost, error)

    async def _step(self, doing: Coroutine[Any, Any, T], stage: str) -> T:
        """Connecting and publishing: left behind when they ignore that they are cancelled."""
        task = quiet(asyncio.ensure_future(self._within(self.target.connect_timeout, doing, stage)))
        try:
            await asyncio.wait([task], timeout=self.target.connect_timeout + _GIVE_UP_AFTER)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            return task.result()
        raise NetworkError(f"{self.target.shown}: not done in time, and not to be stopped", stage=stage)

    async def _within(self, seconds: float, doing: Awaitable[T], stage: str) -> T:
        """Foreign exceptions become `TransportError`s here and nowhere else."""
        shown = self.target.shown
        try:
            async with asyncio.timeout(seconds):
                return await doing
        except TransportError:
            raise
        except TimeoutError:
            raise NetworkError(f"{shown}: not done within {seconds:g} s", stage=stage) from None
        except Exception as error:  # noqa: BLE001 - the author's library may raise anything
            text = self.target.scrub(f"{type(error).__name__}: {error}")
            # Not chained: the original text, which a traceback would show, may hold a secret.
            raise NetworkError(f"{shown}: {text}", stage=stage) from None

    async def _drain(self) -> None:
        until = clock.monotonic() + _DRAIN_FOR
        # Asked, not told: what the library holds can change without a word.
        while self.pending and not self._lost and clock.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_STEP)


def _is_video(unit: Unit, packet: Packet) -> bool:
    if isinstance(unit, Tag):
        return unit.type is TagType.VIDEO
    return packet.track.kind is MediaKind.VIDEO


async def _bounded(task: asyncio.Future[None], seconds: float) -> None:
    """Wait for a task, cancel it when it takes too long, and leave it behind when it ignores even that."""
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=_GIVE_UP_AFTER)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.done() and not task.cancelled():
        # An exception at the end changes nothing; asking for it keeps asyncio from logging it.
        task.exception()
