"""One thread that waits for all SRT sockets of an engine (`srt_epoll`), and does what in libsrt may take time.

Sending is done on the loop, without a switch of threads: `srt_send` on a non-blocking socket only copies into
libsrt's buffer. The thread connects, accepts and closes, and wakes the loop when a socket changes its state.
It ends when the last transport leaves and starts again with the next.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import threading
import time as clock
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from camcast.contracts import Handover
from camcast_srt.library import EPOLL_ERR, EPOLL_IN, EPOLL_OUT, Library

_log = logging.getLogger(__name__)

_ROOM = 256
"""Events taken per wait."""
_WAIT_MS = 1000
_RETELL_MS = 20
"""Wait while something could not yet be handed over."""
_EAGER_ENDS = 8


class Watcher(Protocol):
    """Who is called, on the I/O thread, when a socket is ready."""

    def ready(self, events: int) -> None: ...


class Reactor:
    """The I/O thread of one engine. Methods are for any thread unless they say otherwise."""

    def __init__(self, library: Library, handover: Handover) -> None:
        self.library = library
        self._handover = handover
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake_fd = -1
        self._eid = -1
        self._watchers: dict[int, Watcher] = {}
        self._untold: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    @property
    def thread(self) -> threading.Thread | None:
        """The I/O thread, while there is one."""
        return self._thread

    def attach(self) -> None:
        """One more transport. Starts the thread if there is none."""
        with self._lock:
            self._users += 1
            if self._thread is None:
                self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                self._thread = threading.Thread(target=self._run, name="camcast-srt", daemon=True)
                self._thread.start()

    def detach(self) -> None:
        """One transport less. The thread ends with the last, after the jobs given so far."""
        with self._lock:
            self._users -= 1
        self._wake()

    def do(self, job: Callable[[], None]) -> None:
        """Run `job` on the I/O thread; jobs run in order."""
        self._jobs.append(job)
        self._wake()

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """I/O thread: run `job` in `seconds`. The thread does not end before."""
        heapq.heappush(self._timers, (clock.monotonic() + seconds, next(self._number), job))

    def tell(self, function: Callable[..., object], *args: object) -> None:
        """I/O thread: run `function(*args)` on the loop. When the hand-over is full it is tried again soon."""
        if self._untold or not self._handover.call(function, *args):
            self._untold.append((function, args))

    def watch(self, socket: int, events: int, watcher: Watcher) -> None:
        """I/O thread: call `watcher.ready` when one of `events` holds for `socket`; errors always."""
        self._watchers[socket] = watcher
        lib, box = self.library.lib, self.library.ffi.new("int *", events | EPOLL_ERR)
        if lib.srt_epoll_add_usock(self._eid, socket, box) != 0:
            watcher.ready(EPOLL_ERR)

    def change(self, socket: int, events: int) -> None:
        """Wait for other events. From any thread: libsrt locks for itself."""
        box = self.library.ffi.new("int *", events | EPOLL_ERR)
        self.library.lib.srt_epoll_update_usock(self._eid, socket, box)

    def unwatch(self, socket: int) -> None:
        """I/O thread."""
        if self._watchers.pop(socket, None) is not None:
            self.library.lib.srt_epoll_remove_usock(self._eid, socket)

    def _wake(self) -> None:
        with self._lock:
            if self._wake_fd >= 0:
                os.eventfd_write(self._wake_fd, 1)

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        library = self.library
        lib, ffi = library.lib, library.ffi
        library.start()
        self._eid = lib.srt_epoll_create()
        lib.srt_epoll_add_ssock(self._eid, self._wake_fd, ffi.new("int *", EPOLL_IN))
        reads, writes, locals_ = ffi.new("int[]", _ROOM), ffi.new("int[]", _ROOM), ffi.new("int[]", _EAGER_ENDS)
        counts = ffi.new("int[3]")
        while True:
            # The wake-up is taken before looking at what it stands for, so none is missed.
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)
            while self._jobs:
                self._guarded(self._jobs.popleft())
            self._retell()
            wait = self._run_timers()
            if self._finished():
                return
            counts[0], counts[1], counts[2] = _ROOM, _ROOM, _EAGER_ENDS
            wait = _RETELL_MS if self._untold else wait
            # An errored socket is in both lists; a writable one only in the second.
            found = lib.srt_epoll_wait(
                self._eid, reads, counts, writes, counts + 1, wait, locals_, counts + 2, ffi.NULL, ffi.NULL
            )
            if found > 0:
                self._dispatch(set(reads[0 : min(counts[0], _ROOM)]), set(writes[0 : min(counts[1], _ROOM)]))

    def _run_timers(self) -> int:
        """What is due; returns the ms until the next, or until a look is due anyway."""
        while self._timers and self._timers[0][0] <= clock.monotonic():
            self._guarded(heapq.heappop(self._timers)[2])
        if not self._timers:
            return _WAIT_MS
        return max(0, min(_WAIT_MS, int((self._timers[0][0] - clock.monotonic()) * 1000) + 1))

    def _finished(self) -> bool:
        with self._lock:
            if self._users or self._jobs:
                return False
            self.library.lib.srt_epoll_release(self._eid)
            os.close(self._wake_fd)
            self._wake_fd = self._eid = -1
            self._watchers.clear()
            self._untold.clear()
            self._thread = None
            return True

    def _retell(self) -> None:
        while self._untold:
            function, args = self._untold[0]
            if not self._handover.call(function, *args):
                return
            self._untold.popleft()

    def _dispatch(self, readable: set[int], writable: set[int]) -> None:
        for socket in readable | writable:
            watcher = self._watchers.get(socket)
            if watcher is not None:
                events = (EPOLL_IN if socket in readable else 0) | (EPOLL_OUT if socket in writable else 0)
                self._guarded(watcher.ready, events)

    def _guarded(self, function: Callable[..., None], *args: Any) -> None:
        """One transport's fault must not end the thread that serves them all."""
        try:
            function(*args)
        except Exception:  # noqa: BLE001 - whatever it is, the others go on
            _log.exception("SRT I/O thread: a job failed")
