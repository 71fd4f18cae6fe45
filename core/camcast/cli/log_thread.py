"""Log lines are written by a thread of their own, so that a terminal or a pipe that takes none holds up no camera."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler

from camcast.printable import printable

CAPACITY = 10_000
"""Lines that wait to be written; beyond them, new ones are left out and counted."""
LAST_WORDS = 2.0
"""Seconds for what waits to be written at the end."""


class LogThread(QueueHandler):
    """Hands records to `handler` on a thread."""

    def __init__(self, handler: logging.Handler, capacity: int = CAPACITY) -> None:
        self.lines: queue.Queue[logging.LogRecord | Callable[[], object] | None] = queue.Queue(capacity)
        super().__init__(self.lines)
        self._handler = handler
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="camcast-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def format(self, record: logging.LogRecord) -> str:
        # Plugins log what libraries and peers say.
        return printable(super().format(record), keep="\n\t")

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.lines.put_nowait(record)
        except queue.Full:
            self._lost += 1

    def ask(self, work: Callable[[], object]) -> bool:
        """Have the thread do something once it has written what waits. False = too much waits."""
        try:
            self.lines.put_nowait(work)
        except queue.Full:
            return False
        return True

    def stop(self) -> bool:
        """Write what waits, for `LAST_WORDS` at most. False = nobody takes it: the writer is left behind."""
        try:
            self.lines.put(None, timeout=LAST_WORDS)
        except queue.Full:
            return False
        self._thread.join(LAST_WORDS)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while (record := self.lines.get()) is not None:
            if not isinstance(record, logging.LogRecord):
                record()
                continue
            if lost := self._lost:
                self._lost -= lost
                self._handler.handle(_told(lost))
            self._handler.handle(record)


def _told(lost: int) -> logging.LogRecord:
    text = f"{lost} log lines were left out: nobody took them"
    return logging.LogRecord("camcast", logging.WARNING, __file__, 0, text, None, None)
