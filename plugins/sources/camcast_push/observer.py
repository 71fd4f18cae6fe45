"""For programs built on observers of (camera_id, stream_id): a subject to call, an observer that pushes.

subject = StreamSubject()
subject.register(StreamObserver(engine.push))
subject.process_data(0, 0, access_unit)
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from camcast.contracts import PushHandle

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Whoever wants to see streams."""

    def on_stream_come(
        self, camera_id: int, stream_id: int, frame: bytes, is_key: bool | None = None, pts: int | None = None
    ) -> object: ...


class StreamObserver:
    """Pushes what it observes into the engine. `push` is `engine.push`; `codec` as in `PushFeed.packet`."""

    def __init__(self, push: Callable[[int, int], PushHandle], codec: str | None = None) -> None:
        self._push = push
        self._codec = codec
        self._handles: dict[tuple[int, int], PushHandle] = {}

    def on_stream_come(
        self, camera_id: int, stream_id: int, frame: bytes, is_key: bool | None = None, pts: int | None = None
    ) -> bool:
        """One access unit has come; `pts` in ns, or None for the time of arrival. False = not taken, and counted.

        `is_key` is taken from the bits, so it may be left out. A stream that the engine does not have is not taken.
        """
        handle = self._handles.get((camera_id, stream_id))
        if handle is None:
            try:
                handle = self._handles[camera_id, stream_id] = self._push(camera_id, stream_id)
            except LookupError:
                return False
        return handle.packet(frame, codec=self._codec, pts=pts)


class StreamSubject:
    """Tells every registered observer of each frame. From any thread; an observer that raises harms no other."""

    def __init__(self) -> None:
        self._observers: tuple[Observer, ...] = ()
        self.failures = 0

    def register(self, observer: Observer) -> None:
        """Add an observer; twice is once."""
        if observer not in self._observers:
            self._observers = (*self._observers, observer)

    def unregister(self, observer: Observer) -> None:
        """Remove an observer; it may still see the frame that is being told just now."""
        self._observers = tuple(other for other in self._observers if other is not observer)

    def process_data(
        self, camera_id: int, stream_id: int, frame: bytes, is_key: bool | None = None, pts: int | None = None
    ) -> None:
        """Tell all observers of one access unit."""
        for observer in self._observers:
            try:
                observer.on_stream_come(camera_id, stream_id, frame, is_key, pts)
            except Exception:
                self.failures += 1
                if self.failures == 1:
                    log.exception("An observer of camera %d stream %d failed; later failures are counted only",
                                  camera_id, stream_id)  # fmt: skip
