"""What has happened, for whoever asks: the last events, and each new one for those who listen (server-sent events)."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncIterator

import attrs

from camcast.events import Event
from camcast.services import EventQueue
from camcast_http.forms import event_form
from camcast_http.problems import Problem
from camcast_http.texts import written

LISTENERS = 200
"""At once."""
KEPT = 1000
"""Events that can be asked for afterwards."""
WAITING = 300
"""Events that wait for one listener; who reads more slowly is cut off, and can go on from the last that it has."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a listener gets a sign of life."""


@attrs.frozen(eq=False, slots=False)
class Kept:
    """An event with its number. It is written when somebody first reads it, which happens to few, and once for all."""

    number: int
    event: Event

    @functools.cached_property
    def data(self) -> bytes:
        """As JSON."""
        return written(event_form(self.number, self.event))

    @functools.cached_property
    def text(self) -> bytes:
        """As a server-sent event."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, self.event.name.encode(), self.data)


class Listener:
    """One that hears every event from now on."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Kept | None] = asyncio.Queue(WAITING)
        self.cut_off = False

    def take(self, one: Kept | None) -> None:
        try:
            self.events.put_nowait(one)
        except asyncio.QueueFull:
            self.cut_off = True


class Happenings:
    """All calls on the service's loop."""

    def __init__(self, most_listeners: int) -> None:
        self._most = most_listeners
        self._kept: deque[Kept] = deque(maxlen=KEPT)
        self._listeners: set[Listener] = set()
        self._number = 0

    async def follow(self, queue: EventQueue) -> None:
        """Read all events until the engine ends."""
        async for event in queue:
            self._number += 1
            one = Kept(self._number, event)
            self._kept.append(one)
            for listener in tuple(self._listeners):
                listener.take(one)
        for listener in tuple(self._listeners):
            listener.take(None)

    def since(self, number: int, limit: int) -> bytes:
        """The events after `number`, the last `limit` of them: a list, as JSON."""
        found = [one for one in self._kept if one.number > number]
        return b"[" + b",".join(one.data for one in (found[-limit:] if limit else [])) + b"]"

    def listen(self, after: int | None) -> AsyncIterator[bytes]:
        """Server-sent events (HTML Living Standard, 9.2): those after `after` that are kept, then each new one. Raises
        `Problem` where there are too many listeners."""
        if len(self._listeners) >= self._most:
            text = f"{self._most} listen already, which is the most"
            raise Problem(503, text, headers={"retry-after": "10"})
        listener = Listener()
        self._listeners.add(listener)
        # A number above ours is of a run before this one: all that there is, is news.
        return self._listening(listener, self._number if after is None else after if after <= self._number else 0)

    async def _listening(self, listener: Listener, last: int) -> AsyncIterator[bytes]:
        """`last`: the number of the last event that it has."""
        try:
            yield b"retry: 2000\n\n"
            for one in tuple(self._kept):
                if one.number > last:
                    last = one.number
                    yield one.text
            while not listener.cut_off:
                try:
                    async with asyncio.timeout(KEEP_ALIVE):
                        one_or_end = await listener.events.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if one_or_end is None:
                    return
                # What came while the kept ones were sent is both kept and here.
                if one_or_end.number > last:
                    last = one_or_end.number
                    yield one_or_end.text
        finally:
            self._listeners.discard(listener)
