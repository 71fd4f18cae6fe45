"""What the bucket tells of its records: every change once and in order, whichever way it comes.

It is *pushed*, by a watch, which is quick. A watch is a consumer on one of the servers: where that one dies or is cut
off, it says nothing any more, and for another the cluster may have to elect its own leader first, which takes seconds.
So it is also *read*: what comes after that which was heard last, by the word of the records' leader. What was read
is what was missed, so a watch, or a connection, that is replaced by another costs nobody anything.

A record that is replaced or deleted leaves a newer one. Where one is gone without that (the stream was purged by hand,
an older copy of the disk was put back), the store is not what it was, and all of it is told anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from camcast.errors import CoordinatorError
from camcast_nats import keys
from camcast_nats.link import Link, Record

LOST = "the store has lost what it had"


class Lost(CoordinatorError):
    """The store does not have any more what it had."""


class Hearing:
    """What was heard in one life of the store, over any number of connections. `tell` is handed each change."""

    def __init__(self, tell: Callable[[Link, Record], Awaitable[None]]) -> None:
        self.records: dict[str, tuple[int, bytes]] = {}
        """Revision and value by key; of what was written here too, once that is answered."""
        self.whole = False
        """Whether all that there is has been told, and only changes are to come."""
        self.epoch = ""
        """The name of the store's life."""
        self._heard = 0
        self._tell = tell
        self._one = asyncio.Lock()

    def forget(self) -> None:
        """All is to be told anew."""
        self.records.clear()
        self.whole, self._heard = False, 0

    async def hear(self, link: Link, record: Record) -> None:
        """Pushed or read. What was heard before is passed over. Raises `Lost`."""
        async with self._one:
            if record.revision <= self._heard:
                return
            if record.key == keys.EPOCH and not record.deleted and record.value.decode() != self.epoch:
                raise Lost(LOST)
            await self._tell(link, record)
            # What could not be told, by then, is heard again.
            self._heard = record.revision

    async def next(self, link: Link) -> Record | None:
        """What comes after that which was heard last; None where nothing does."""
        return await link.after(keys.WATCHED, self._heard)

    def roll(self) -> Roll:
        """For a watch that is about to be made, which tells all that there is once more."""
        return Roll({key: revision for key, (revision, _) in self.records.items()} if self.whole else {}, self._heard)


class Roll:
    """Whether all that was known is still there, while a watch tells it once more."""

    def __init__(self, known: dict[str, int], heard: int) -> None:
        self._known = known
        self._heard = heard if known else 0

    def call(self, record: Record) -> None:
        """It is told. Raises `Lost` where something newer was there."""
        known = self._known.pop(record.key, None)
        if record.revision <= self._heard and not record.deleted and record.revision != known:
            raise Lost("the store has gone back to what it was earlier")

    async def end(self, link: Link) -> None:
        """All has been told. Raises `Lost` where something is missing."""
        for key in self._known:
            # It may have been replaced meanwhile, and be told later.
            if not await link.has(key):
                raise Lost("records are gone from the store")
