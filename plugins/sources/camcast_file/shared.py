"""What all file sources of one engine share: reading threads, one pacer, and small looped clips in memory.

It exists while at least one source runs; the last one to leave takes it down, unless reads hang: a source that is alone
and begins anew again and again must find that they do, or each time would cost a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from camcast.media import NS_PER_S, Packet, Track
from camcast_file.batch import Batch
from camcast_file.pacer import Pacer
from camcast_file.reader import FileReader
from camcast_file.readers import Readers

if TYPE_CHECKING:
    from camcast.kinds import CodecKind

CLIP_BYTES = 16 * 1024 * 1024
"""Larger files are read as they play."""
CACHE_BYTES = 64 * 1024 * 1024
"""All cached clips together."""

_Key = tuple[str, int, int]


@attrs.frozen(eq=False)
class Clip:
    """One whole pass of a file, parsed. Immutable, so that any number of sources may play it."""

    tracks: tuple[Track, ...]
    packets: tuple[Packet, ...]
    dropped: Batch
    notes: tuple[str, ...]
    length: Fraction
    """Seconds from one pass to the next."""

    def start(self, number: int) -> int:
        """Where pass `number` begins, ns."""
        return round(number * self.length * NS_PER_S)


@attrs.define(eq=False)
class _Entry:
    clip: asyncio.Future[Clip]
    size: int
    users: int = 0


class Shared:
    """Made with the kind; inert until a source runs."""

    def __init__(self) -> None:
        self._desks: dict[asyncio.AbstractEventLoop, Desk] = {}

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The running loop's share, for as long as a source runs."""
        loop = asyncio.get_running_loop()
        desk = self._desks.get(loop)
        if desk is None:
            for gone in [one for one in self._desks if one.is_closed()]:
                del self._desks[gone]
            desk = self._desks[loop] = Desk(Readers(loop), Pacer(loop))
        desk.users += 1
        try:
            yield desk
        finally:
            desk.users -= 1
            if desk.users == 0:
                desk.readers.close()
                if not desk.readers.hung:
                    del self._desks[loop]


@attrs.define(eq=False)
class Desk:
    """Reading threads, pacer and cache of one loop."""

    readers: Readers
    pacer: Pacer
    users: int = 0
    _clips: dict[_Key, _Entry] = attrs.field(factory=dict)

    async def clip(self, path: Path, codec: Callable[[str], CodecKind]) -> tuple[Clip, Callable[[], None]] | None:
        """The whole file in memory, read once for all who play it, and what gives it back.

        None when it is too large, or the cache is full. Raises `SourceError`.
        """
        try:
            stat = await self.readers.run(path.stat, path)
        except OSError:
            # Let opening it say what is wrong.
            return None
        if stat.st_size > CLIP_BYTES:
            return None
        key = (str(path), stat.st_size, stat.st_mtime_ns)
        entry = self._clips.get(key)
        if entry is None:
            if sum(entry.size for entry in self._clips.values()) + stat.st_size > CACHE_BYTES:
                return None
            entry = self._clips[key] = _Entry(self.readers.submit(lambda: load(path, codec), path), stat.st_size)
        entry.users += 1

        def leave() -> None:
            entry.users -= 1
            if entry.users == 0 and self._clips.get(key) is entry:
                del self._clips[key]

        try:
            # One of those who wait for it may be stopped; the others wait on.
            return await asyncio.shield(entry.clip), leave
        except BaseException:
            leave()
            raise


def load(path: Path, codec: Callable[[str], CodecKind]) -> Clip:
    """Read one pass of `path`. Blocks; raises `SourceError`."""
    reader = FileReader(path, codec)
    try:
        tracks = reader.open()
        packets: list[Packet] = []
        dropped = Batch()
        while not dropped.ended:
            batch = reader.read()
            packets += batch.packets
            dropped.ended = batch.ended
            for key, count in batch.dropped.items():
                dropped.dropped[key] = dropped.dropped.get(key, 0) + count
        return Clip(tuple(tracks), tuple(packets), dropped, tuple(reader.notes), reader.length)
    finally:
        reader.close()
