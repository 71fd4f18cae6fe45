"""One process that libsrt's are copied from (`fork_server.py`), as the engine has it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time as clock
from collections.abc import Callable

from camcast.interpreter import NOWHERE, Process, bare_environment, begin
from camcast_srt.process import SrtProcess
from camcast_srt.wire import BEGUN, FAILED, TEXT, Failure, Page, hand_over

TAKES = 5.0
"""Seconds within which it answers; one that does not hangs, and is replaced. Usually it takes a few milliseconds."""
_AT_LEAST = 1.0
"""Of these, for each request: an earlier one may have been given up."""
_LOOK = 0.02
"""Seconds between looks whether its queue, which is full, has room again."""


class Origin:
    """Until it has ended. `process` on any loop, all else from any thread."""

    def __init__(self, module: str, idle: float) -> None:
        """Begin it. Raises `OSError`."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        """Who sends must have the channel that it means."""
        self._quiet_since: float | None = None
        """When the first request went to it that it has not answered."""
        with theirs:
            try:
                # It reads what peers send: it has none of the keys that lie in our environment.
                self._process: Process = begin(
                    "-m", module, str(idle), stdin=theirs.fileno(), stdout=NOWHERE, env=bare_environment()
                )
            except OSError:
                self._channel.close()
                raise
        name = f"camcast-wait-{self._process.pid}"
        threading.Thread(target=_see_to_its_end, args=(self._process, self.close), name=name, daemon=True).start()

    @property
    def ended(self) -> bool:
        return self._channel.fileno() < 0

    def close(self) -> None:
        """It ends when those that were copied from it have ended."""
        with self._lock:
            self._channel.close()

    async def process(self, until: float) -> tuple[SrtProcess, Page]:
        """A copy, which waits for its request, by then (of the monotonic clock).

        Raises `ConnectionError` where another one has to be asked, and `OSError` where that is of no use.
        """
        with contextlib.ExitStack() as closing:
            descriptor = Page.made()
            closing.callback(os.close, descriptor)
            with contextlib.ExitStack() as unless_begun:
                page = Page(descriptor)
                unless_begun.callback(page.close)
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                unless_begun.enter_context(ours)
                ours.setblocking(False)
                with theirs:
                    await self._send(until, theirs.fileno(), descriptor)
                handle = await self._answer(ours, until)
                unless_begun.pop_all()
        return SrtProcess(ours, handle), page

    async def _send(self, until: float, *descriptors: int) -> None:
        begun = clock.monotonic()
        while True:
            try:
                with self._lock:
                    if self.ended:
                        raise ConnectionError("it has ended")
                    hand_over(self._channel, b"n", *descriptors)
            except BlockingIOError:
                self._see_whether_late(begun, until)
                await asyncio.sleep(_LOOK)
                continue
            if self._quiet_since is None:
                self._quiet_since = begun
            return

    async def _answer(self, channel: socket.socket, until: float) -> int:
        loop, begun = asyncio.get_running_loop(), clock.monotonic()
        said = asyncio.Event()
        loop.add_reader(channel, said.set)
        try:
            while not said.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, min(until, self._hangs_at(begun)) - clock.monotonic())):
                        await said.wait()
                        break
                self._see_whether_late(begun, until)
        finally:
            loop.remove_reader(channel)
        # Nobody but that process has said anything yet: its copy waits for the request.
        data, handles, _, _ = socket.recv_fds(channel, 2 * TEXT, 1)
        self._quiet_since = None
        if data[:1] == FAILED:
            raise OSError(Failure.of(data[1:]).text)
        if data[:1] != BEGUN:
            raise ConnectionError("it has ended")
        return handles[0] if handles else -1

    def _hangs_at(self, begun: float) -> float:
        since = begun if self._quiet_since is None else self._quiet_since
        return max(since + TAKES, begun + _AT_LEAST)

    def _see_whether_late(self, begun: float, until: float) -> None:
        """A request from `begun` on has had no answer. Raises when its time is up, or when nothing will come of it."""
        now = clock.monotonic()
        if now >= self._hangs_at(begun):
            # Its copies go on without it.
            self._process.kill()
            self.close()
            raise ConnectionError("it hangs")
        if now >= until:
            raise TimeoutError("the process that begins libsrt's does not answer in time")


def _see_to_its_end(process: Process, close: Callable[[], None]) -> None:
    process.wait()
    close()
