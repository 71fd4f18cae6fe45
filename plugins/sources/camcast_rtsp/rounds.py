"""Reads all cameras of a loop together, in rounds, as network drivers do.

A camera sends a picture in dozens of packets within a few milliseconds, and many cameras send at any moment. Being
woken for each packet, or for each camera, would cost more than all the parsing. So:

- All sockets are in one epoll of their own, for good. While media comes, the loop does not watch it at all: a timer
  asks it every `REST` what has come, and takes everything.
- When nothing has come by the end of a round, the loop watches the epoll until something does. The round of that moment
  is always followed by another one: the rest of the picture is on its way.
- The loop watches a gate, a second epoll with the first one in it, which is opened and shut by one system call each.
  Telling asyncio to begin and to stop watching costs twenty times that, thirty times a second.
- A round gives way to the rest of the loop after `TURN`, and goes on behind it. So does a reader that has work left.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable, Iterator
from weakref import WeakKeyDictionary

from camcast.media import NS_PER_MS

from .interleave import BUFFER_SIZE

REST = 0.008
"""Seconds between rounds, which lie at multiples of it; half of it to one and a half after one that ran late."""
TURN = 3 * NS_PER_MS
_SHUT = 0
"""Events of an epoll that is not listened to."""

Read = Callable[[int], bool]
"""Called with the time (ns) when a socket has something to read; takes it without waiting. True = there is work left
of what was read, for the next round."""

_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Rounds] = WeakKeyDictionary()


class Rounds:
    """The rounds of one loop. They run while a socket is registered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.buffer = memoryview(bytearray(BUFFER_SIZE))
        """For each reader in its turn."""
        self._readers: dict[int, Read] = {}
        self._unfinished: set[int] = set()
        """Sockets of readers that have work left."""
        self._epoll: select.epoll | None = None
        self._gate: select.epoll | None = None
        """What the loop watches; in it is the other one."""
        self._due: Iterator[int] = iter(())
        """Sockets that this round has still to read."""
        self._more_due = False
        """There will be another round even if nothing has come yet."""
        self._next: asyncio.Handle | None = None
        """The next round or the rest of this one; None while the loop watches the epoll."""

    def add(self, descriptor: int, read: Read) -> None:
        """Call `read` in every round that finds something to read, until `remove`."""
        if self._epoll is None:
            self._epoll, self._gate = select.epoll(), select.epoll()
            self._gate.register(self._epoll.fileno(), _SHUT)
            self._loop.add_reader(self._gate.fileno(), self._woken)
            self._watch()
        self._epoll.register(descriptor, select.EPOLLIN)
        self._readers[descriptor] = read

    def remove(self, descriptor: int) -> None:
        """Before the descriptor is closed. The last one ends the rounds."""
        epoll, gate = self._epoll, self._gate
        if epoll is None or gate is None or self._readers.pop(descriptor, None) is None:
            return
        epoll.unregister(descriptor)
        self._unfinished.discard(descriptor)
        if not self._readers:
            self._loop.remove_reader(gate.fileno())
            if self._next is not None:
                self._next.cancel()
            self._next = self._epoll = self._gate = None
            self._due = iter(())
            gate.close()
            epoll.close()

    def _watch(self) -> None:
        self._next = None
        self._set_gate(select.EPOLLIN)

    def _woken(self) -> None:
        self._set_gate(_SHUT)
        self._round(woken=True)

    def _set_gate(self, events: int) -> None:
        assert self._gate is not None
        assert self._epoll is not None
        self._gate.modify(self._epoll.fileno(), events)

    def _round(self, woken: bool = False) -> None:
        assert self._epoll is not None
        self._more_due = woken
        due = [descriptor for descriptor, _ in self._epoll.poll(0, len(self._readers))]
        if self._unfinished:
            due += self._unfinished.difference(due)
            self._unfinished.clear()
        self._due = iter(due)
        self._read()

    def _read(self) -> None:
        readers = self._readers
        now = time.monotonic_ns()
        enough = now + TURN
        for descriptor in self._due:
            read = readers.get(descriptor)
            if read is None:
                continue
            try:
                if read(now):
                    self._unfinished.add(descriptor)
            except Exception as error:  # noqa: BLE001 - one camera's trouble never stops the others.
                self._loop.call_exception_handler({"message": "reading from a camera failed", "exception": error})
            if time.monotonic_ns() > enough:
                if self._epoll is not None:
                    self._next = self._loop.call_soon(self._read)
                return
        if self._epoll is None:
            return
        if self._unfinished:
            self._next = self._loop.call_soon(self._round)
        elif self._more_due or self._epoll.poll(0, 1):
            self._next = self._loop.call_at((round(self._loop.time() / REST) + 1) * REST, self._round)
        else:
            self._watch()


def rounds() -> Rounds:
    """Those of the running loop."""
    loop = asyncio.get_running_loop()
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Rounds(loop)
    return found
