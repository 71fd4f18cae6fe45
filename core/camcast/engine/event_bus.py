"""Every event once to the log, to the plugins' hook and to each iterator. A slow reader loses its oldest, counted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol
from weakref import WeakSet

from camcast.engine.event_log import EventLog
from camcast.events import Event
from camcast.host import PluginHost

log = logging.getLogger("camcast")

CAPACITY = 10_000


class Reader(Protocol):
    """Who hears every event. Called on the loop; returns at once."""

    def take(self, event: Event) -> None: ...

    def close(self) -> None:
        """There will be no more."""


class EventReader:
    """Every event from its making on, in order. Ends once the bus is closed and all has been read."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self._ready = asyncio.Event()
        self._lost = 0
        self._closed = False

    def take(self, event: Event) -> None:
        """One more, at the price of the oldest where nobody reads."""
        if len(self.events) >= CAPACITY:
            self.events.popleft()
            self._lost += 1
        self.events.append(event)
        self._ready.set()

    def close(self) -> None:
        """There will be no more."""
        self._closed = True
        self._ready.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self.events:
            if self._lost:
                log.warning("A reader of events was too slow: %d lost", self._lost)
                self._lost = 0
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self.events.popleft()


class EventBus:
    """All calls on the loop."""

    def __init__(self, host: PluginHost, name_of: Callable[[int], str]) -> None:
        """`name_of`: a camera's name by its id, "" where it has none."""
        self._host = host
        self._log = EventLog(name_of)
        self._readers: WeakSet[Reader] = WeakSet()
        """Those that somebody still holds."""
        self._closed = False

    def emit(self, event: Event) -> None:
        self._log.tell(event)
        self._host.notify("camcast_session_event", event=event)
        if self._readers:
            for reader in tuple(self._readers):
                reader.take(event)

    def close(self) -> None:
        """End every reader once it has seen what there is."""
        self._closed = True
        self._log.close()
        for reader in tuple(self._readers):
            reader.close()

    def reader(self) -> EventReader:
        """A new reader, of all events from now on."""
        reader = EventReader()
        self.add(reader)
        return reader

    def add(self, reader: Reader) -> None:
        """Tell it all events from now on, for as long as somebody else holds it."""
        self._readers.add(reader)
        if self._closed:
            reader.close()
