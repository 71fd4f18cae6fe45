"""Who is told of a recording's complete files: the hook `camcast_segment`, on a thread of its own for each plugin.

A hook may take its time with a file (copy it, index it). A plugin is told of files one after another; one that hangs
holds up what it has yet to be told and nothing else. That is in the log once it is `LONG`, and beyond `MOST` files that
wait no more are told.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock, get_ident
from time import monotonic

from camcast.daemons import Daemons
from camcast.events import SegmentFinished
from camcast.host import PluginHost
from camcast.hosting.culprit import culprit

log = logging.getLogger(__name__)

HOOK = "camcast_segment"
MOST = 1000
LONG = 600.0
"""Seconds with one file after which that is told: an upload of a large one may take minutes."""


class SegmentHooks:
    """Of one engine. From any thread."""

    def __init__(self, host: PluginHost, now: Callable[[], float] = monotonic) -> None:
        self._host = host
        self._now = now
        self._threads = Daemons("camcast-segment")
        self._lines: dict[str, _Line] = {}

    def tell(self, event: SegmentFinished) -> None:
        """Have it told soon; never waits."""
        for plugin, call in self._host.each(HOOK):
            line = self._lines.get(plugin)
            if line is None:
                line = self._lines[plugin] = _Line(plugin, self._host, self._threads, self._now)
            line.add(partial(call, segment=event), event.shown)

    async def settle(self, seconds: float) -> None:
        """Until all have been told, for `seconds` at most."""
        until = monotonic() + seconds
        # Looked at: a thread would have to wake a loop that may be closed by then.
        while any(line.busy for line in self._lines.values()) and monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class _Line:
    """What one plugin is told, and has yet to be told."""

    def __init__(self, plugin: str, host: PluginHost, threads: Daemons, now: Callable[[], float]) -> None:
        self.busy = False
        self._plugin = plugin
        self._host = host
        self._threads = threads
        self._now = now
        self._waiting: deque[tuple[Callable[[], object], str]] = deque()
        self._lock = Lock()
        self._thread = 0
        """The one that tells, by its ident. `_at`: of which file; `_since` when."""
        self._at = ""
        self._since = 0.0
        self._told = False
        """Whether that it takes long is in the log."""

    def add(self, call: Callable[[], object], shown: str) -> None:
        """Have `call`, which does not raise, made for the file that is `shown` so."""
        with self._lock:
            if len(self._waiting) >= MOST:
                log.error("%s of %s: %d files wait to be told, %s is not told", HOOK, self._plugin, MOST, shown)
                return
            self._waiting.append((call, shown))
            begin, self.busy = not self.busy, True
            if begin:
                self._since = self._now()
            late = not self._told and self._now() - self._since > LONG
            self._told |= late
        if begin:
            self._threads.run(self._work)
        if late:
            _, where = culprit(sys._current_frames().get(self._thread), self._host.plugins)
            log.warning(
                "Plugin %s has been told of %s %.0f min ago and is not done: it is in %s; %d files wait",
                self._plugin, self._at, (self._now() - self._since) / 60, where, len(self._waiting),
            )  # fmt: skip

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self.busy = False
                    return
                call, self._at = self._waiting.popleft()
                self._thread, self._since, self._told = get_ident(), self._now(), False
            call()
