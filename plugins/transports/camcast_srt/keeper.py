"""The plugin's hold on the process that libsrt's sockets are copied from (`fork_server.py`).

libsrt reads what its peers send in C, and 1.5.1 lets a peer overwrite its memory. So nothing of it runs here: each
socket has a process of its own, and what becomes of one is that one attempt's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time as clock
import weakref

import attrs

from camcast_srt.origin import Origin
from camcast_srt.process import SrtProcess
from camcast_srt.wire import Page

IDLE = 120.0
"""Seconds for which that process stays when nobody uses it. Longer than attempts to a dead server are apart (60 s, an
attempt's own 10 s, and some): beginning it takes a tenth of a second of a processor."""
_MODULE = "camcast_srt.fork_server"


@attrs.define(eq=False)
class _Kept:
    origin: Origin | None = None

    def close(self) -> None:
        if self.origin is not None:
            self.origin.close()


class Keeper:
    """One for all transports of a plugin host. From any thread."""

    def __init__(self) -> None:
        self._beginning = threading.Lock()
        self._kept = _Kept()
        weakref.finalize(self, self._kept.close)

    async def process(self, timeout: float) -> tuple[SrtProcess, Page]:
        """A new process, which waits for its request, and its page of figures. Raises `OSError`, after so many seconds
        at most."""
        until = clock.monotonic() + timeout
        for _ in range(2):
            origin = self._kept.origin
            if origin is None or origin.ended:
                # Not on the loop: that of an engine with much memory stands still while it begins a process.
                origin = await asyncio.to_thread(self._begun)
            try:
                return await origin.process(until)
            except ConnectionError:
                # It has been idle for long enough, hangs, or somebody has ended it: another one is as good.
                origin.close()
        raise ConnectionError("the process that begins libsrt's ends at once: is libsrt in order?")

    def warm(self) -> None:
        """Begin that process, so that the first connection need not wait for it."""
        with contextlib.suppress(OSError):  # the attempt says what is the matter
            self._begun()

    def _begun(self) -> Origin:
        with self._beginning:
            origin = self._kept.origin
            if origin is None or origin.ended:
                origin = self._kept.origin = Origin(_MODULE, IDLE)
            return origin
