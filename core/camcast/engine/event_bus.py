"""Every event once to the log, to the plugins' hook and to each iterator. A slow reader loses its oldest, counted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator

from camcast.events import Event
from camcast.host import PluginHost
from camcast.printable import printable

log = logging.getLogger("camcast")

CAPACITY = 10_000


class _Reader:
    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.ready = asyncio.Event()
        self.lost = 0


class EventBus:
    """All calls on the loop."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._readers: list[_Reader] = []
        self._closed = False

    def emit(self, event: Event) -> None:
        log.log(getattr(logging, event.level.upper()), "%s", printable(event.text))
        self._host.notify("camcast_session_event", event=event)
        for reader in self._readers:
            if len(reader.events) >= CAPACITY:
                reader.events.popleft()
                reader.lost += 1
            reader.events.append(event)
            reader.ready.set()

    def close(self) -> None:
        """End every iterator once it has seen what there is."""
        self._closed = True
        for reader in self._readers:
            reader.ready.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        reader = _Reader()
        self._readers.append(reader)
        return self._read(reader)

    async def _read(self, reader: _Reader) -> AsyncIterator[Event]:
        try:
            while True:
                while reader.events:
                    yield reader.events.popleft()
                if reader.lost:
                    log.warning("A reader of events was too slow: %d lost", reader.lost)
                    reader.lost = 0
                if self._closed:
                    return
                reader.ready.clear()
                await reader.ready.wait()
        finally:
            self._readers.remove(reader)
