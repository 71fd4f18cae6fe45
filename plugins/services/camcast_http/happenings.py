"""What has happened, for whoever asks: the last events, and each new one for those who listen (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from camcast.events import Event
from camcast.services import EventQueue
from camcast_http.forms import event_form
from camcast_http.problems import Problem

LISTENERS = 200
"""At once."""
KEPT = 1000
"""Events that can be asked for afterwards."""
WAITING = 300
"""Events that wait for one listener; who reads more slowly is cut off, and can go on from the last that it has."""
KEEP_ALIVE = 15.0
"""Seconds without an event after which a listener gets a sign of life."""


class Listener:
    """One that hears every event from now on."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self.cut_off = False

    def take(self, text: bytes | None) -> None:
        try:
            self.events.put_nowait(text)
        except asyncio.QueueFull:
            self.cut_off = True


class Happenings:
    """All calls on the service's loop."""

    def __init__(self, most_listeners: int) -> None:
        self._most = most_listeners
        self._kept: deque[tuple[int, Event]] = deque(maxlen=KEPT)
        """As they came: of most of them nobody ever reads a word."""
        self._listeners: set[Listener] = set()
        self._number = 0

    async def follow(self, queue: EventQueue) -> None:
        """Read all events until the engine ends."""
        async for event in queue:
            self._number += 1
            self._kept.append((self._number, event))
            if self._listeners:
                text = _written(self._number, event)
                for listener in tuple(self._listeners):
                    listener.take(text)
        for listener in tuple(self._listeners):
            listener.take(None)

    def since(self, number: int, limit: int) -> list[dict[str, Any]]:
        """The events after `number`, the last `limit` of them."""
        found = [(one, event) for one, event in self._kept if one > number]
        return [event_form(one, event) for one, event in (found[-limit:] if limit else [])]

    def listen(self, after: int | None) -> AsyncIterator[bytes]:
        """Server-sent events (HTML Living Standard, 9.2): those after `after` that are kept, then each new one. Raises
        `Problem` where there are too many listeners."""
        if len(self._listeners) >= self._most:
            text = f"{self._most} listen already, which is the most"
            raise Problem(503, text, headers={"retry-after": "10"})
        listener = Listener()
        self._listeners.add(listener)
        return self._listening(listener, after)

    async def _listening(self, listener: Listener, after: int | None) -> AsyncIterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            # A number above ours is of a run before this one: all that there is, is news.
            start = self._number if after is None else after if after <= self._number else 0
            for number, event in tuple(self._kept):
                if start < number:
                    yield _written(number, event)
            while not listener.cut_off:
                try:
                    async with asyncio.timeout(KEEP_ALIVE):
                        text_or_end = await listener.events.get()
                except TimeoutError:
                    text_or_end = b": still here\n\n"
                if text_or_end is None:
                    return
                yield text_or_end
        finally:
            self._listeners.discard(listener)


def _written(number: int, event: Event) -> bytes:
    form = event_form(number, event)
    return f"id: {number}\nevent: {form['name']}\ndata: {json.dumps(form)}\n\n".encode()
