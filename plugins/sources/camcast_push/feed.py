"""The embedder's handle on one stream: takes media from any thread, before, while and after its source runs.

Rules:
- a call never blocks unless it is given a `timeout`, and says by its value whether the media was taken;
- on the engine's loop it goes straight through; from other threads through the engine's one bounded queue, with at
  most `PushOptions.queue` units of this feed in it, so that one busy camera leaves room for the others;
- whatever is offered ends as delivered, absorbed, or dropped for a counted reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from camcast.errors import SourceError, WrongState
from camcast.media import NS_PER_MS, RAW, MediaKind
from camcast_push.counts import PushCounts
from camcast_push.native import FeedState
from camcast_push.options import PushOptions
from camcast_push.units import Unit, audio_frame, duration, video_frame

if TYPE_CHECKING:
    from camcast.contracts import Handover

NOT_RUNNING = "not running"
FULL = "full"
STOPPED = "stopped"
SIZE = "another size"
_SOUND_SLACK = 100 * NS_PER_MS
"""Sound without timestamps is dated by its samples until it is this far from the clock."""


class Door(Protocol):
    """The running source behind a feed."""

    options: PushOptions
    handover: Handover
    loop: asyncio.AbstractEventLoop
    thread: int
    size: tuple[int, int] | None
    """Width and height of the pictures, once there has been one."""

    def take(self, unit: Unit) -> bool:
        """On the loop: deliver, absorb, hold or drop `unit`, and count it. False = dropped."""

    def packet(
        self, kind: MediaKind, data: bytes, codec: str | None, dts: int, pts: int, arrival: int, keyframe: bool | None
    ) -> bool:
        """The same for a packet in its parts: one that is pushed on the loop needs no object for its way."""

    def check_codec(self, name: str) -> None:
        """Raises `MediaError` for a codec nobody knows. From any thread."""

    def lost(self, kind: MediaKind, reason: str, count: int) -> None:
        """On the loop: tell the engine of losses outside."""

    def finish(self) -> None:
        """On the loop: the source's media has come to its end."""


class PushFeed(FeedState):
    """See the module's rules. Timestamps are ns on any timeline; without them the time of the call counts."""

    def __init__(self, camera_id: int, stream_id: int) -> None:
        self.camera_id = camera_id
        self.stream_id = stream_id
        self.on_keyframe_request: Callable[[], object] | None = None
        """Called on the loop when a receiver wants a keyframe soon: tell your encoder."""
        self._lock = threading.Lock()
        self._room: threading.Condition | None = None
        """Where threads wait; None before the first one has. Under the lock."""
        self._door: Door | None = None
        self._queued = 0
        self._ending = False
        self._offered = 0
        """By other threads, under the lock; the four below are written on the loop only, and need none."""
        self._offered_on_loop = self.delivered = self.absorbed = 0
        self.held = 0
        self._dropped: Counter[str] = Counter()
        self._untold: Counter[tuple[MediaKind, str]] = Counter()
        self._sound_until: int | None = None
        self._ready: set[asyncio.Future[None]] = set()

    def __repr__(self) -> str:
        return f"<PushFeed cam{self.camera_id} stream {self.stream_id} {'running' if self.running else 'not running'}>"

    # --- for embedders ------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the engine takes media now."""
        return self._door is not None

    @property
    def counts(self) -> PushCounts:
        with self._lock:
            return PushCounts(
                offered=self._offered + self._offered_on_loop,
                delivered=self.delivered,
                absorbed=self.absorbed,
                waiting=self._queued + self.held,
                dropped=dict(self._dropped),
            )

    async def ready(self) -> None:
        """Wait until the engine takes media. On the engine's loop."""
        if self._door is None:
            future = asyncio.get_running_loop().create_future()
            self._ready.add(future)
            try:
                await future
            finally:
                self._ready.discard(future)

    def wait_ready(self, timeout: float) -> bool:
        """The same for other threads; False after `timeout` seconds. Raises `WrongState` on an event loop."""
        if self._door is None and _on_a_loop():
            raise WrongState("waiting on an event loop would stop it; await ready() there")
        with self._lock:
            return self._wait_for(lambda: self._door is not None, timeout)

    def packet(
        self,
        data: bytes | bytearray | memoryview,
        *,
        kind: MediaKind = MediaKind.VIDEO,
        codec: str | None = None,
        pts: int | None = None,
        dts: int | None = None,
        keyframe: bool | None = None,
        timeout: float = 0.0,
    ) -> bool:
        """Push one access unit in any framing its codec has (Annex B or length-prefixed; ADTS or bare frames).

        `codec` defaults to the configured one of `kind`. Pictures out of display order need both `dts` and `pts`.
        `keyframe` overrules what the bits say. True = taken. Raises `MediaError` for a codec nobody knows.
        """
        now = time.monotonic_ns()
        if pts is None:
            pts = now if dts is None else dts
        if dts is None:
            dts = pts
        door = self._door
        if door is not None:
            if codec is not None:
                door.check_codec(codec)
            if threading.get_ident() == door.thread and not self._ending:
                self._offered_on_loop += 1
                return door.packet(kind, bytes(data), codec, dts, pts, now, keyframe)
        return self._push(Unit(kind, bytes(data), codec, dts, pts, now, keyframe), timeout)

    def frame(self, picture: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push one picture: an array in the configured `format`, or a PyAV frame.

        An array is copied; a PyAV frame belongs to the engine from then on. Raises `ValueError` for an array of
        another shape. All pictures of a run have one size; another one is not taken.
        """
        door, now = self._door, time.monotonic_ns()
        if door is None:
            return self._refuse(MediaKind.VIDEO, NOT_RUNNING)
        frame = video_frame(picture, door.options.format)
        if door.size not in (None, (frame.width, frame.height)):
            return self._refuse(MediaKind.VIDEO, SIZE)
        time_ = now if pts is None else pts
        return self._push(Unit(MediaKind.VIDEO, frame, RAW, time_, time_, now), timeout)

    def audio(self, samples: Any, *, pts: int | None = None, timeout: float = 0.0) -> bool:
        """Push a block of sound: a PyAV frame, or int16 or float32 samples of shape (samples,) or (channels, samples).

        Raises `ValueError` for an array of another shape.
        """
        door, now = self._door, time.monotonic_ns()
        if door is None:
            return self._refuse(MediaKind.AUDIO, NOT_RUNNING)
        block = audio_frame(samples, door.options.sample_rate)
        if pts is None:
            pts = self._date_sound(now, duration(block))
        return self._push(Unit(MediaKind.AUDIO, block, RAW, pts, pts, now), timeout)

    def end(self) -> None:
        """There will be no more: the source ends when what was pushed has been delivered."""
        with self._lock:
            door = self._door
            if door is None or self._ending:
                return
            self._ending = True
            if self._queued:
                return
        self._finish(door)

    # --- between threads and loop -------------------------------------------------------------------------

    def _push(self, unit: Unit, timeout: float) -> bool:
        door = self._door
        if door is None or self._ending:
            return self._refuse(unit.kind, NOT_RUNNING)
        if threading.get_ident() == door.thread:
            self._offered_on_loop += 1
            return door.take(unit)
        return self._hand_over(door, unit, timeout)

    def _hand_over(self, door: Door, unit: Unit, timeout: float) -> bool:
        until = time.monotonic() + timeout if timeout > 0 else 0.0
        with self._lock:
            self._offered += 1
            limit = door.options.queue
            if self._queued >= limit and timeout > 0:
                self._wait_for(lambda: self._door is not door or self._queued < limit, timeout)
            if self._door is not door:
                return self._lose(unit.kind, NOT_RUNNING)
            if self._queued >= limit:
                return self._lose(unit.kind, FULL)
            self._queued += 1
        if timeout > 0:
            taken = door.handover.call_wait(self._arrive, door, unit, timeout=max(0.0, until - time.monotonic()))
        else:
            taken = door.handover.call(self._arrive, door, unit)
        if taken:
            return True
        with self._lock:
            # When the source has stopped meanwhile, `detach` has counted this unit already.
            if self._door is not door:
                return False
            self._queued -= 1
            self._lose(unit.kind, FULL)
            last = self._ending and not self._queued
        if last:
            self._finish(door)
        return False

    def _wait_for(self, true: Callable[[], bool], timeout: float) -> bool:
        """Under the lock, which is free meanwhile."""
        if self._room is None:
            self._room = threading.Condition(self._lock)
        return self._room.wait_for(true, timeout)

    def _arrive(self, door: Door, unit: Unit) -> None:
        untold: Counter[tuple[MediaKind, str]] | None = None
        with self._lock:
            if self._door is not door:
                return
            self._queued -= 1
            if self._room is not None:
                self._room.notify()
            if self._untold:
                untold, self._untold = self._untold, Counter()
            last = self._ending and not self._queued
        if untold is not None:
            for (kind, reason), count in untold.items():
                door.lost(kind, reason, count)
        door.take(unit)
        if last:
            door.finish()

    def _finish(self, door: Door) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed: there is nothing left to end
            door.loop.call_soon_threadsafe(door.finish)

    def _refuse(self, kind: MediaKind, reason: str) -> bool:
        with self._lock:
            self._offered += 1
            return self._lose(kind, reason)

    def _lose(self, kind: MediaKind, reason: str) -> bool:
        self._dropped[reason] += 1
        if reason == FULL:
            self._untold[kind, reason] += 1
        return False

    def _date_sound(self, now: int, length: int) -> int:
        with self._lock:
            begin, until = now - length, self._sound_until
            if until is None or abs(begin - until) > _SOUND_SLACK:
                until = begin
            self._sound_until = until + length
            return until

    # --- for the source, on the loop ----------------------------------------------------------------------

    def attach(self, door: Door) -> None:
        """A source runs. Raises `SourceError` when another one does already."""
        with self._lock:
            if self._door is not None:
                raise SourceError(
                    f"camera {self.camera_id} stream {self.stream_id} has a running push source already", fatal=True
                )
            self._door, self._ending, self._sound_until = door, False, None
            self._untold.clear()
            if self._room is not None:
                self._room.notify_all()
        for future in self._ready:
            if not future.done():
                future.set_result(None)

    def detach(self, door: Door) -> None:
        """The source has stopped: what had not arrived is lost, and whoever waits for room is told no."""
        with self._lock:
            if self._door is not door:
                return
            self._door = None
            if left := self._queued + self.held:
                self._dropped[STOPPED] += left
            self._queued = self.held = 0
            if self._room is not None:
                self._room.notify_all()

    def settle(
        self, *, delivered: int = 0, absorbed: int = 0, held: int = 0, damaged: int = 0, misfits: int = 0
    ) -> None:
        """Count what became of units that have arrived. On the loop."""
        self.delivered += delivered
        self.absorbed += absorbed
        self.held += held
        for reason, count in (("damaged", damaged), (SIZE, misfits)):
            if count:
                with self._lock:
                    self._dropped[reason] += count


def _on_a_loop() -> bool:
    """Whether this thread is running an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
