"""Where a playing file source takes its packets from: memory, or a file that is read ahead."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from camcast.media import MediaKind, Packet, Track
from camcast_file.batch import Batch
from camcast_file.native import MemoryState, extension
from camcast_file.reader import FileReader
from camcast_file.readers import Readers
from camcast_file.shared import Clip

CLOSE_DEADLINE = 1.5
LOW = 16
"""Packets left when the next batch is asked for."""

OnDropped = Callable[[MediaKind, str, int], None]


class Feed(Protocol):
    """A source's packets in file order, on one timeline over all passes."""

    tracks: list[Track]
    ended: bool
    error: BaseException | None

    def take(self) -> Packet | None:
        """The next packet, or None when it has ended, failed, or is not there yet; then `on_ready` is called later."""

    async def close(self) -> None: ...


class MemoryFeed(MemoryState):
    """Plays a shared clip over and over."""

    error: BaseException | None = None
    ended = False

    def __init__(self, clip: Clip, leave: Callable[[], None], on_dropped: OnDropped) -> None:
        self.tracks = list(clip.tracks)
        self._clip = clip
        self._packets = clip.packets
        self._leave = leave
        self._on_dropped = on_dropped
        self._pass = 0
        self._start = 0
        self._next = 0

    def take(self) -> Packet | None:
        packets = self._packets
        if self._next >= len(packets):
            self._next = 0
            self._pass += 1
            self._start = self._clip.start(self._pass)
        packet = packets[self._next]
        self._next += 1
        if self._next == 1:
            for (kind, reason), count in self._clip.dropped.dropped.items():
                self._on_dropped(kind, reason, count)
        start = self._start
        return Packet(
            packet.track, packet.dts + start, packet.pts + start, packet.keyframe, packet.payload, packet.disposable
        )

    async def close(self) -> None:
        self._leave()


take_in_python = MemoryFeed.take
"""The Python form, also where the C form runs."""

if extension is not None:
    extension.memory(take_in_python)
    MemoryFeed.take = extension.MemoryState.take  # type: ignore[method-assign]


class ReadAhead:
    """Reads a file in small batches on the shared threads, the next one before the last has run out."""

    def __init__(
        self,
        reader: FileReader,
        tracks: list[Track],
        readers: Readers,
        on_ready: Callable[[], None],
        on_dropped: OnDropped,
        *,
        own_readers: bool = False,
    ) -> None:
        """`own_readers`: nobody else uses `readers`, so they are closed with this."""
        self.tracks = tracks
        self._own_readers = own_readers
        self.ended = False
        self.error: BaseException | None = None
        self._reader = reader
        self._readers = readers
        self._on_ready = on_ready
        self._on_dropped = on_dropped
        self._packets: deque[Packet] = deque()
        self._reading: asyncio.Future[Batch] | None = None

    def take(self) -> Packet | None:
        packets = self._packets
        if len(packets) < LOW and self._reading is None and not self.ended:
            self._read()
        return packets.popleft() if packets else None

    def _read(self) -> None:
        try:
            self._reading = self._readers.submit(self._reader.read, self._reader.path)
        except Exception as error:  # noqa: BLE001 - raised by the source when what was read is played
            self._fail(error)
            return
        self._reading.add_done_callback(self._arrived)

    def _arrived(self, reading: asyncio.Future[Batch]) -> None:
        self._reading = None
        if (error := reading.exception()) is not None:
            self._fail(error)
            return
        batch = reading.result()
        starved = not self._packets
        self._packets += batch.packets
        self.ended = batch.ended
        for (kind, reason), count in batch.dropped.items():
            self._on_dropped(kind, reason, count)
        if starved:
            self._on_ready()

    def _fail(self, error: BaseException) -> None:
        self.error = error
        self.ended = True
        if not self._packets:
            self._on_ready()

    async def close(self) -> None:
        """Close the file when its thread lets go of it; waits a moment for that."""
        if self._own_readers:
            # It may be waiting for more of the file.
            self._reader.close()
        closing: list[asyncio.Future[None] | asyncio.Future[Batch]]
        closing = [self._readers.submit(self._reader.close, self._reader.path, closing=True)]
        if self._reading is not None:
            closing.append(self._reading)
        await asyncio.wait(closing, timeout=CLOSE_DEADLINE)
        if self._own_readers:
            self._readers.close()
