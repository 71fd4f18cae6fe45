"""A base for sources whose library blocks: their work runs on a thread of its own, and reaches the sink on the loop.

The thread never waits for the loop. What it delivers is bounded in bytes: above, media is left out and counted as
"overflow", and encoded pictures then wait for the next keyframe. Tracks, breaks and counts are never lost: they go
along with what is delivered next. A thread cannot be stopped from outside, so `work` looks at `stopping` often, waits
by `wait`, and `interrupt` ends what blocks it. A thread that does not end all the same is left behind, and nobody hears
of it any more.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import ClassVar

import attrs

from camcast.contracts import MediaSink, SourceContext
from camcast.errors import SourceError
from camcast.media import Frame, MediaKind, Packet, Track
from camcast.redaction import redact_text, url_secrets

Media = Frame | Packet

LIMIT = 64 << 20
"""Bytes of media on their way to the loop: 20 pictures of 1080p, which are 0.7 s at 30 a second."""
STOP_DEADLINE = 1.5
"""Seconds that the thread has for ending; a source has 2 s."""
OVERFLOW = "overflow"
_TELL_EVERY = 1.0
"""Seconds after which counts go to the loop without media, where none comes."""
_TELL_FOR = 1.0
"""Seconds that the thread waits for room in the hand-over to say that it has ended."""


@attrs.define
class _Aside:
    """What goes along with the next delivery."""

    tracks: tuple[Track, ...] = ()
    broken: bool = False
    drops: Counter[tuple[MediaKind, str]] = attrs.field(factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.tracks or self.broken or self.drops)

    def tell(self, sink: MediaSink) -> None:
        for (kind, reason), count in self.drops.items():
            sink.dropped(kind, reason, count)
        if self.broken:
            sink.discontinuity()
        if self.tracks:
            sink.tracks(self.tracks)


class ThreadedSource(ABC):
    """Implements `contracts.Source`. Subclasses say in `work` what the thread does.

    `work` and all that it calls are the thread's; `run`, `request_keyframe` and `interrupt` are called on the loop.
    """

    name: ClassVar[str] = ""
    """Of the source kind, for the thread's name."""

    def __init__(self, context: SourceContext, *, limit: int = LIMIT) -> None:
        """`limit`: bytes of media that may be on their way to the loop; one delivery always may."""
        self.context = context
        self._limit = limit
        self._stop = threading.Event()
        self._aside = _Aside()
        self._handed = self._taken = 0
        """Bytes: the one is written by the thread, the other on the loop."""
        self._told_at = time.monotonic()
        self._wait_keyframe = False
        self._sink: MediaSink | None = None
        self._thread: threading.Thread | None = None
        self._over: asyncio.Future[None] | None = None
        """Done when the thread has ended."""
        self._turned_down: asyncio.Future[None] | None = None
        """Fails when something that it brought was refused."""

    # --- what a subclass says -----------------------------------------------------------------------------

    @abstractmethod
    def work(self) -> None:
        """Bring media until it ends (return), fails (raise) or `stopping`. On the thread. Free everything in `finally`.

        A `SourceError` is passed on as it is; see `explain` for others.
        """

    def interrupt(self) -> None:  # noqa: B027 - most have nothing to do here
        """Make whatever `work` is blocked in return soon (shut a socket down, say). On the loop; must not block.

        Called when the source is stopped. Not needed where nothing blocks for longer than a second.
        """

    def explain(self, error: Exception) -> Exception:
        """What `run` raises for an exception of `work` that is no `SourceError`. On the thread."""
        secrets = url_secrets(self.context.url)
        text = redact_text(f"{type(error).__name__}: {error}", secrets)
        where = traceback.extract_tb(error.__traceback__)[-1]
        # Not chained: the original text, which a traceback would show, may hold a secret.
        return SourceError(f"{self.context.label}: {text} (at {Path(where.filename).name}:{where.lineno})")

    def request_keyframe(self) -> bool:
        """Most cannot."""
        return False

    # --- for whoever runs it ------------------------------------------------------------------------------

    @property
    def frame(self) -> FrameType | None:
        """The innermost call of its thread at present."""
        return None if self._thread is None else sys._current_frames().get(self._thread.ident or 0)

    @property
    def left(self) -> asyncio.Future[None] | None:
        """Where its thread did not end when it was told to: done once it has."""
        return self._over if self.stopping and self._over is not None and not self._over.done() else None

    # --- for the thread -----------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether `work` should return."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Let time pass; True at once when `work` should return."""
        return self._stop.wait(max(0.0, seconds))

    def announce(self, *tracks: Track) -> None:
        """Say which tracks there are, before the first of their media and when the set changes."""
        self._aside.tracks = tracks
        self._hand_over((), 0)

    def discontinuity(self) -> None:
        """The next media's times do not continue the last one's."""
        self._aside.broken = True

    def lose(self, kind: MediaKind, reason: str, count: int = 1) -> None:
        """Count what had to be left out."""
        if not count:
            return
        self._aside.drops[kind, reason] += count
        if time.monotonic() - self._told_at > _TELL_EVERY:
            self._hand_over((), 0)

    def deliver(self, *media: Media) -> bool:
        """Hand media over, all or nothing. False = the engine cannot keep up, and it was counted.

        `arrival` is set to now where it is 0. Packets after a lost picture are left out up to the next keyframe.
        """
        kept = [one for one in media if not self._hopeless(one)]
        now = time.monotonic_ns()
        for one in kept:
            one.arrival = one.arrival or now
        size = sum(map(_size, kept))
        waiting = self._handed - self._taken
        if kept and (not waiting or waiting + size <= self._limit) and self._hand_over(tuple(kept), size):
            return len(kept) == len(media)
        for one in kept:
            self._count_lost(one)
        return False

    def _hopeless(self, one: Media) -> bool:
        """Whether a packet cannot be decoded, because one before it was lost. Counts it."""
        if not self._wait_keyframe or isinstance(one, Frame) or one.track.kind is not MediaKind.VIDEO:
            return False
        if one.keyframe:
            self._wait_keyframe = False
            return False
        self.lose(MediaKind.VIDEO, OVERFLOW)
        return True

    def _count_lost(self, one: Media) -> None:
        self.lose(one.track.kind, OVERFLOW)
        if isinstance(one, Packet) and one.track.kind is MediaKind.VIDEO and not one.disposable:
            self._wait_keyframe = True

    def _hand_over(self, media: tuple[Media, ...], size: int) -> bool:
        aside, self._aside = self._aside, _Aside()
        if self.context.handover.call(self._deliver, aside, media, size):
            self._handed += size
            self._told_at = time.monotonic()
            return True
        self._aside = aside
        return False

    def _work(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        """The thread."""
        error: Exception | None = None
        try:
            self.work()
        except SourceError as caught:
            error = caught
        except BaseException as caught:  # noqa: BLE001 - raised on the loop; without an end `run` would wait for ever
            error = self._explained(caught)
        self._end(loop, ended, error)

    def _explained(self, error: BaseException) -> Exception:
        if not isinstance(error, Exception):
            return SourceError(f"{self.context.label}: {type(error).__name__} in the source's thread")
        try:
            return self.explain(error)
        except Exception as failed:  # noqa: BLE001 - a subclass's own
            return ThreadedSource.explain(self, failed)

    def _end(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None], error: Exception | None) -> None:
        """Tell the loop, behind all media; past them when nobody wants those any more."""
        aside, self._aside = self._aside, _Aside()
        until = time.monotonic() + _TELL_FOR
        while not self._stop.is_set() and time.monotonic() < until:
            if self.context.handover.call_wait(self._ended, ended, error, aside, timeout=0.1):
                return
            self._stop.wait(0.01)
        try:
            loop.call_soon_threadsafe(self._ended, ended, error, aside)
        except RuntimeError:
            return  # the loop has been closed meanwhile

    # --- on the loop --------------------------------------------------------------------------------------

    async def run(self, sink: MediaSink) -> None:
        """Runs once. Raises `SourceError`."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        refused: asyncio.Future[None] = loop.create_future()
        self._sink, self._turned_down = sink, refused
        name = f"camcast-{self.name or type(self).__name__.lower()}-{self.context.label}"
        self._over = ended
        self._thread = threading.Thread(target=self._work, args=(loop, ended), name=name, daemon=True)
        self._thread.start()
        try:
            await asyncio.wait([ended, refused], return_when=asyncio.FIRST_COMPLETED)
            (refused if refused.done() else ended).result()
        finally:
            self._stop.set()
            self._sink = self._turned_down = None
            if not ended.done():
                await self._stopped(ended)

    async def _stopped(self, ended: asyncio.Future[None]) -> None:
        try:
            self.interrupt()
        except Exception:
            self.context.log.exception("%s: the source could not be interrupted", self.context.label)
        await asyncio.wait([ended], timeout=STOP_DEADLINE)
        if not ended.done():
            self.context.log.warning("%s: the source did not stop; its thread is left behind", self.context.label)

    def _deliver(self, aside: _Aside, media: tuple[Media, ...], size: int) -> None:
        self._taken += size
        sink, refused = self._sink, self._turned_down
        if sink is None or refused is None or refused.done():
            return
        try:
            aside.tell(sink)
            for one in media:
                if isinstance(one, Frame):
                    sink.frame(one)
                else:
                    sink.packet(one)
        except Exception as error:  # noqa: BLE001 - `run` raises it, as that of a source without a thread would
            refused.set_exception(error)
            # Whoever cancelled `run` does not ask for it.
            refused.exception()

    def _ended(self, ended: asyncio.Future[None], error: Exception | None, aside: _Aside) -> None:
        if self._sink is not None:
            try:
                aside.tell(self._sink)
            except Exception as caught:  # noqa: BLE001 - as in `_deliver`
                error = error or caught
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)
            # Whoever cancelled `run` does not ask for it.
            ended.exception()


def _size(one: Media) -> int:
    if isinstance(one, Packet):
        return len(one.payload)
    return sum(plane.buffer_size for plane in one.data.planes)
