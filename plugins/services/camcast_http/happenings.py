"""What has happened, for whoever asks: the last events, and each new one for those who listen (server-sent events).

There is one store for all of them, and a listener is a place in it. So however many events come at once, who reads
hears them, at the speed of his link; who falls behind what is kept is told how many are missing.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator

import attrs

from camcast.events import Event
from camcast.services import EventQueue
from camcast_http.forms import event_form, missed_form
from camcast_http.problems import Problem
from camcast_http.texts import written

LISTENERS = 200
"""At once."""
KEPT = 1000
"""Events that can be asked for afterwards, and by which a listener may be behind."""
TURN = 100
"""Events that are taken, or sent to one listener, before others of the loop have their turn."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a listener gets a sign of life."""


@attrs.frozen(eq=False, slots=False)
class Kept:
    """An event with its number. It is written when somebody first reads it, which happens to few, and once for all."""

    run: str
    number: int
    event: Event

    @functools.cached_property
    def data(self) -> bytes:
        """As JSON."""
        return written(event_form(self.number, self.event))

    @functools.cached_property
    def text(self) -> bytes:
        """As a server-sent event."""
        return server_sent(self.run, self.number, self.event.name, self.data)


def server_sent(run: str, number: int, name: str, data: bytes) -> bytes:
    """An event of a stream (HTML Living Standard, 9.2.6)."""
    return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (run.encode(), number, name.encode(), data)


class Happenings:
    """All calls on the service's loop."""

    def __init__(self, most_listeners: int) -> None:
        self.run = secrets.token_hex(4)
        """Tells the numbers of this run from those of another one."""
        self._most = most_listeners
        self._kept: deque[Kept] = deque(maxlen=KEPT)
        self._listening_now = 0
        self._number = 0
        self._ends = 0
        self._news = asyncio.Event()

    async def follow(self, queue: EventQueue) -> None:
        """Read all events until the engine ends. Numbers of what the queue has lost are left out."""
        lost = queue.lost
        async for event in queue:
            self._number += 1 + queue.lost - lost
            lost = queue.lost
            self._kept.append(Kept(self.run, self._number, event))
            self._wake()
            if not self._number % TURN:
                await asyncio.sleep(0)
        self._ends += 1
        self._wake()

    def since(self, number: int, limit: int) -> bytes:
        """The events after `number`, the last `limit` of them: a list, as JSON."""
        found = self._after(number)
        return b"[" + b",".join(one.data for one in (found[-limit:] if limit else [])) + b"]"

    def listen(self, after: int | None, run: str = "") -> AsyncIterator[bytes]:
        """Server-sent events (HTML Living Standard, 9.2): those after `after` that are kept, then each new one. What is
        asked for and not kept any more is told as an event `Missed`.

        `run`: whose number `after` is, where that is known; all there is, is news to whoever heard another run last.
        Raises `Problem` where there are too many listeners.
        """
        if self._listening_now >= self._most:
            text = f"{self._most} listen already, which is the most"
            raise Problem(503, text, headers={"retry-after": "10"})
        self._listening_now += 1
        if after is None:
            after = self._number
        elif after > self._number or (run and run != self.run):
            after = 0
        return self._listening(after, self._ends)

    async def _listening(self, last: int, ends: int) -> AsyncIterator[bytes]:
        """`last`: the number of the last event that it has."""
        try:
            yield b"retry: 2000\n\n"
            while True:
                # Before it is looked what there is: what comes while that is sent sets this one.
                news, ended = self._news, self._ends != ends
                found = self._after(last)
                for begin in range(0, len(found), TURN):
                    if begin:
                        # That he has gone is known a turn later; asyncio logs writes to somebody who has.
                        await asyncio.sleep(0)
                    texts = []
                    for one in found[begin : begin + TURN]:
                        if one.number > last + 1:
                            texts.append(self._missed(one.number - 1, one.number - 1 - last))
                        last = one.number
                        texts.append(one.text)
                    yield b"".join(texts)
                if ended:
                    return
                try:
                    async with asyncio.timeout(KEEP_ALIVE):
                        await news.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._listening_now -= 1

    def _after(self, number: int) -> list[Kept]:
        newest_first = itertools.takewhile(lambda one: one.number > number, reversed(self._kept))
        return list(newest_first)[::-1]

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _missed(self, number: int, count: int) -> bytes:
        return server_sent(self.run, number, "Missed", written(missed_form(number, count, time.time())))
