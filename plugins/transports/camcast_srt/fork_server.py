"""The process that the processes of libsrt's sockets are copied from, when another one is wanted.

It has loaded what they need, and shares it: one more costs about 2 MB and a few milliseconds. It has no
threads, and calls nothing of libsrt, so that it can be copied. Its standard input is the engine, which sends it
an end of a channel and a page for each (`wire.py`). It ends when they have ended, and the engine
has closed its end or has wanted none for some seconds (its argument).

Signals to the group do nothing to them: they end by being let go, and by force a second later.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
import sys
import time as clock

import attrs

from camcast_srt.library import Library, load
from camcast_srt.serving import serve
from camcast_srt.wire import BEGUN, BROKEN, ENDED, FAILED, STATUS, TEXT, Failure, Page, hand_over

NICE = 10
"""By how much the engine goes before them. A peer that floods one makes that one busy; the engine serves all others."""
GRACE = 1.0
"""Seconds for a process that was let go, after which it is ended: libsrt may hang."""
_UNUSED = 10.0
"""Seconds for which it waits for the first that wants something of it."""
_LET_GO = select.POLLRDHUP | select.POLLHUP | select.POLLERR


@attrs.define(eq=False)
class Forked:
    """One process; `channel` is the end that it has too."""

    channel: socket.socket
    until: float | None = None
    """When it is ended by force."""


class ForkServer:
    def __init__(self, library: Library, engine: socket.socket, idle: float) -> None:
        self._library = library
        self._engine = engine
        self._forked: dict[int, Forked] = {}
        self._poll = select.poll()
        self._poll.register(engine, select.POLLIN)
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._woken, select.POLLIN)
        self._idle = idle
        self._engine_there = True
        self._used = False

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        while self._engine_there or self._forked:
            found = self._poll.poll(self._wait())
            for descriptor, _ in found:
                self._look(descriptor)
            if not found and not self._forked:
                self._leave()
            self._reap()
            self._end_late()

    def _wait(self) -> int | None:
        """ms."""
        if not self._forked:
            return int((self._idle if self._used else _UNUSED) * 1000)
        ends = [one.until for one in self._forked.values() if one.until is not None]
        return max(1, int((min(ends) - clock.monotonic()) * 1000) + 1) if ends else None

    def _look(self, descriptor: int) -> None:
        if descriptor == self._woken:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)
        elif descriptor == self._engine.fileno():
            self._take()
        else:
            self._poll.unregister(descriptor)
            for one in self._forked.values():
                if one.channel.fileno() == descriptor:
                    one.until = clock.monotonic() + GRACE

    def _leave(self) -> None:
        """Nobody has wanted anything for a while. Who sends from here on is told; what was sent already is done."""
        self._engine.shutdown(socket.SHUT_RD)
        while self._engine_there:
            self._take()

    def _take(self) -> None:
        self._used = True
        try:
            data, descriptors, _, _ = socket.recv_fds(self._engine, 16, 2)
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            self._poll.unregister(self._engine)
            self._engine_there = False
        elif len(descriptors) == 2:
            self._fork(socket.socket(fileno=descriptors[0]), descriptors[1])
            os.close(descriptors[1])
        else:
            # There was no room for more; the engine sees its channel end.
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self, channel: socket.socket, page: int) -> None:
        try:
            process = os.fork()
        except OSError as error:
            with contextlib.suppress(OSError):
                channel.send(FAILED + bytes(Failure(text=f"cannot make a process: {error.strerror}")))
            channel.close()
            return
        if process == 0:
            self._be(channel, page)
        self._forked[process] = Forked(channel)
        self._poll.register(channel, _LET_GO)
        _tell(channel, process)

    def _be(self, channel: socket.socket, page: int) -> None:
        """In the copy: have nothing of the others', and serve."""
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # Who waits for another's end, or for the engine's, must not find it open here.
            for one in self._forked.values():
                one.channel.close()
            for descriptor in (self._woken, self._wakes, self._engine.detach()):
                os.close(descriptor)
            os.nice(NICE)
            serve(self._library, channel, Page(page))
            code = 0
        except Exception as error:  # noqa: BLE001 - nobody is above to take it, and a peer may have brought it about
            with contextlib.suppress(OSError):
                channel.send(BROKEN + f"libsrt's process failed: {type(error).__name__}: {error}".encode()[:TEXT])
        finally:
            # Not by the interpreter's way out: what is above this in the stack is the other process's.
            os._exit(code)

    def _reap(self) -> None:
        while self._forked:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            one = self._forked.pop(process)
            with contextlib.suppress(KeyError):
                self._poll.unregister(one.channel)
            with contextlib.suppress(OSError):
                one.channel.send(ENDED + STATUS.pack(os.waitstatus_to_exitcode(status)), socket.MSG_DONTWAIT)
            one.channel.close()

    def _end_late(self) -> None:
        now = clock.monotonic()
        for process, one in self._forked.items():
            if one.until is not None and one.until <= now:
                os.kill(process, signal.SIGKILL)
                one.until = None


def _tell(channel: socket.socket, process: int) -> None:
    """The engine waits for this. With the handle it can end the process when nobody is here to do so."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as closing:
        try:
            handle = os.pidfd_open(process)
        except OSError:
            channel.send(BEGUN, socket.MSG_DONTWAIT)
            return
        closing.callback(os.close, handle)
        hand_over(channel, BEGUN, handle)


def main() -> None:
    # A process that crashes leaves no image of its memory behind, in which passphrases are.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    library = load()
    library.warm()
    # What is there now is shared for as long as nobody writes to it, as the collector does.
    gc.collect()
    gc.freeze()
    gc.disable()
    ForkServer(library, socket.socket(fileno=sys.stdin.fileno()), float(sys.argv[1])).run()


if __name__ == "__main__":
    main()
