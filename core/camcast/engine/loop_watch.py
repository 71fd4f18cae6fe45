"""Watches the event loop from a thread of its own: whoever holds it stops every camera, and must be named.

The loop cannot tell that it stands still. So a thread asks it for an answer, twice a second at the most; when none has
come for `NOTICED`, the thread takes the stack of the loop's thread, finds the plugin in it, and says so in the log at
once. When the loop goes on, the engine is told how long it stood.

Two things look alike and are nobody's fault: a process that was stopped or suspended, and one that got no processor.
Then this thread was late as well.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from time import monotonic

import attrs

from camcast.engine.clocks import Clocks
from camcast.hosting.culprit import culprit
from camcast.hosting.plugin import Plugin

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks of the thread."""
NOTICED = 1.0
"""Seconds without an answer after which the stack is taken."""
PAST_THE_LOOP = "past_the_loop"
"""A log record with this attribute must not wait for the loop to go on: a worker is ended where it does not."""
LATE = 0.4
"""Seconds that the thread itself may be late before what it saw counts for nothing."""


@attrs.frozen
class Hold:
    """The loop stood still."""

    seconds: float
    plugin: Plugin | None
    """Whose code held it; None = not a plugin's, as far as can be seen."""
    where: str
    """"file.py:12 in name"."""

    @property
    def blame(self) -> str:
        """For people: who and where."""
        return f"plugin {self.plugin.name}, {self.where}" if self.plugin is not None else self.where


class LoopWatch:
    """Of one engine. `start` and `stop` on the loop; `held` is called on the loop, after each hold."""

    def __init__(self, plugins: Callable[[], Sequence[Plugin]], held: Callable[[Hold], object]) -> None:
        self._plugins = plugins
        self._held = held
        self._ended = threading.Event()
        self._asked = 0.0
        """When the loop was asked for an answer that has not come; 0 = it has."""
        self._seen: tuple[Plugin | None, str] | None = None
        self._thread: threading.Thread | None = None
        self._clocks = Clocks()

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="camcast-loop-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End at once; the thread is not waited for, since it never waits for the loop."""
        self._ended.set()

    def _watch(self) -> None:
        due = monotonic() + LOOK
        while not self._ended.wait(LOOK):
            now = monotonic()
            late, due = now - due, now + LOOK
            for text in self._clocks.look(late):
                log.warning("%s", text)
            if late > LATE:
                # Stopped, suspended or starved: what the loop did meanwhile cannot be known.
                self._asked = now if self._asked else 0.0
            elif not self._asked:
                self._asked = now
                try:
                    self._loop.call_soon_threadsafe(self._answer)
                except RuntimeError:
                    return  # the loop is closed
            elif now - self._asked >= NOTICED and self._seen is None:
                self._look(now - self._asked)

    def _look(self, seconds: float) -> None:
        frame = sys._current_frames().get(self._loop_thread)
        self._seen = culprit(frame, self._plugins())
        del frame  # it holds every local of the loop's calls
        log.warning(
            "All cameras of this process stand still: the event loop has been held for %.1f s by %s",
            seconds,
            Hold(seconds, *self._seen).blame,
            extra={PAST_THE_LOOP: True},
        )

    def _answer(self) -> None:
        asked, self._asked = self._asked, 0.0
        seen, self._seen = self._seen, None
        if seen is not None and not self._ended.is_set():
            self._held(Hold(monotonic() - asked, *seen))
