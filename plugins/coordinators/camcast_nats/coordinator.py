"""The seam of `camcast.coordinators` over a JetStream key-value bucket.

Every write says which revision it replaces, and JetStream puts all of them in one order. Nothing in the bucket expires:
members count leases themselves. A connection that is lost is not mended but made anew, to the next of the servers, so
no write that was meant for an earlier moment is sent later. What was heard on it is gone on with (`hearing.py`) if that
is soon. Whoever heard nothing for longer gives everybody the time to be heard again, and so hears everything again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

import nats.errors

from camcast.coordinators import Away, Card, CoordinatorContext, Desired, DesiredNews, Holder, Line, News, Order, Synced
from camcast.errors import Conflict, CoordinatorError
from camcast.fleet_records import encode
from camcast.patience import ended, quiet
from camcast_nats import keys, shelf
from camcast_nats.asking import Unanswered
from camcast_nats.echo import Echo
from camcast_nats.hearing import LOST, Hearing, Lost
from camcast_nats.link import CLOSE, Gone, Link, Record, link, servers
from camcast_nats.options import NatsOptions

AGAIN = (0.1, 0.3, 0.5)
"""Seconds before the next server is tried."""
PATIENCE = 2.0
"""Deadlines without a connection until all is told anew: two fifths of a lease. By then nobody has lost one."""
DEAF = 2.0
"""Deadlines in which a watch must tell what is known to be written."""
LINES = 100


class NatsCoordinator:
    """Implements `Coordinator`."""

    def __init__(self, context: CoordinatorContext) -> None:
        self._servers = servers(context.url)
        self._context = context
        self._options: NatsOptions = context.options
        self._link: Link | None = None
        self._hearing = Hearing(self._tell)
        self._records = self._hearing.records
        self._hear: Callable[[News], object] = lambda news: None
        self._echo = Echo()
        self._fewer = asyncio.Event()
        """Set when something has gone from the store."""
        self._lines = 0
        self._member = False
        """Whether a member writes here: who only looks puts nothing back."""
        self._met = False
        """Whether the store has ever let us in."""
        self._lost_at: float | None = None
        """Since when there has been no connection on which all is heard."""

    async def run(self, hear: Callable[[News], object]) -> None:
        self._hear, self._lost_at = hear, None
        self._hearing.forget()
        turn = tries = 0
        while True:
            began = time.monotonic()
            url = self._servers[turn % len(self._servers)]
            reason = "the connection to NATS was lost"
            try:
                way = link(url, self._context.name, self._context.fleet, self._options, self._context.deadline)
                async with way as self._link:
                    await self._listen(self._link)
            except CoordinatorError as error:
                if error.fatal and not self._met:
                    raise  # later it is the store's fault, and may pass
                reason = str(error)
                if isinstance(error, Lost):
                    self._hearing.forget()
            finally:
                self._link = None
            self._is_away(reason)
            if time.monotonic() - began > 10 * self._context.deadline:
                tries = 0
            turn, tries = turn + 1, tries + 1
            await asyncio.sleep(AGAIN[min(tries, len(AGAIN)) - 1])

    def _is_away(self, reason: str) -> None:
        """Say so, unless what was heard may be gone on with in a moment."""
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        if not self._hearing.whole or self._is_late():
            self._lose(reason)

    def _is_late(self) -> bool:
        """Whether nothing has been heard for so long that others need time to be heard again."""
        return self._lost_at is not None and time.monotonic() > self._lost_at + PATIENCE * self._context.deadline

    def _lose(self, reason: str) -> None:
        self._hearing.forget()
        self._hear(Away(reason))

    async def _listen(self, link: Link) -> None:
        """Until the connection is lost, or the store is not what it was."""
        self._met = True
        epoch = await self._epoch(link)
        if self._hearing.whole and epoch != self._hearing.epoch:
            self._lose(LOST)
        elif self._hearing.whole and self._is_late():
            self._lose("NATS was away for too long")
        self._hearing.epoch = epoch
        if self._hearing.whole:
            await self._read_on(link)
            self._lost_at = None
        tasks = [
            quiet(asyncio.create_task(doing)) for doing in (self._watch(link), self._doubt(link), link.lost.wait())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await ended(tasks, CLOSE)

    async def _epoch(self, link: Link) -> str:
        epoch = await link.read(keys.EPOCH)
        if epoch is None:
            epoch = secrets.token_hex(8).encode()
            try:
                await link.write(keys.EPOCH, epoch, 0)
            except Conflict:
                epoch = await link.read(keys.EPOCH)
        return (epoch or b"").decode()

    async def _watch(self, link: Link) -> None:
        """One watch after the other. Once all has been told, it is read meanwhile."""
        while True:
            try:
                await self._pushed(link)
            except Lost:
                await self._begin_anew(link)
                raise
            except CoordinatorError:
                if not self._hearing.whole:
                    raise
                await asyncio.sleep(self._context.deadline)

    async def _pushed(self, link: Link) -> None:
        """Until a watch tells nothing any more, or all should be told once more."""
        hearing, deadline = self._hearing, self._context.deadline
        roll, self._echo = hearing.roll(), Echo()
        self._fewer.clear()
        async with link.asking.told():
            watcher = await link.bucket.watch(keys.WATCHED)
        try:
            while not (self._fewer.is_set() or self._echo.is_late(time.monotonic(), DEAF * deadline)):
                try:
                    within = deadline / 2 if hearing.whole else DEAF * deadline
                    entry = await watcher.updates(within)  # type: ignore[no-untyped-call]
                except nats.errors.TimeoutError:
                    if not hearing.whole:
                        raise CoordinatorError("NATS does not tell what there is") from None
                    continue
                if entry is None:
                    await roll.end(link)
                    self._is_whole()
                    continue
                record = Record(entry.key, entry.value or b"", entry.revision or 0, entry.operation is not None)
                roll.call(record)
                self._echo.hear(record.revision, time.monotonic())
                await hearing.hear(link, record)
        finally:
            # On a connection that is lost already there is nobody to be told.
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                async with asyncio.timeout(CLOSE):
                    await watcher.stop()  # type: ignore[no-untyped-call]

    def _is_whole(self) -> None:
        if not self._hearing.whole:
            self._hearing.whole, self._lost_at = True, None
            self._hear(Synced(self._hearing.epoch))

    async def _read_on(self, link: Link) -> None:
        """What no watch has told so far."""
        while (record := await self._hearing.next(link)) is not None:
            self._echo.write(record.revision, time.monotonic())
            await self._hearing.hear(link, record)

    async def _tell(self, link: Link, record: Record) -> None:
        if record.deleted:
            await self._put_back(record.key, record.revision)
            return
        if record.revision >= self._records.get(record.key, (0, b""))[0]:
            self._records[record.key] = record.revision, record.value
        try:
            news = await self._news(link, record)
        except shelf.Unread:
            raise  # it is heard again
        except CoordinatorError as error:
            self._context.log.warning("Fleet: %s", error)
            if record.key == keys.DESIRED:
                self._records[keys.DESIRED] = record.revision, keys.NOTHING
            return
        if news is not None:
            self._hear(news)

    async def _put_back(self, key: str, revision: int) -> None:
        """A record that somebody deleted by hand is written again, and nobody is told. `revision`: of the mark of that.

        For all who heard of it, it stays what it was. Whoever comes later and finds the mark writes anew.
        """
        _, there = self._records.get(key, (0, None))
        if there is None:
            return
        self._records[key] = revision, there
        if self._member and not key.startswith(keys.LINES):
            with contextlib.suppress(Conflict):  # another was quicker
                await self._write(key, there, revision)

    async def _news(self, link: Link, record: Record) -> News | None:
        if record.key == keys.DESIRED:
            return DesiredNews(await shelf.read(link, record.value))
        return keys.news_of(record.key, record.value, record.revision)

    async def _doubt(self, link: Link) -> None:
        """The store must be the one that it was, have all that it had, and tell what is new."""
        count = await link.count()
        while True:
            await asyncio.sleep(self._context.deadline / 2)
            now = await link.read(keys.EPOCH)
            if now is None or now.decode() != self._hearing.epoch:
                raise Lost(LOST)
            if self._hearing.whole:
                await self._read_on(link)
                before, count = count, await link.count()
                if count < before:
                    await self._has_lost(link)

    async def _has_lost(self, link: Link) -> None:
        """Something has been taken out of the store: old versions of what is desired, or what is needed."""
        self._fewer.set()
        _, head = self._records.get(keys.DESIRED, (0, keys.NOTHING))
        if head != keys.NOTHING:
            try:
                await shelf.read(link, head)
            except shelf.Unread:
                raise
            except CoordinatorError as error:
                await self._begin_anew(link)
                raise Lost(str(error)) from None

    async def _begin_anew(self, link: Link) -> None:
        """Give the store another life: everybody says again what they know and run, and takes nothing for a lease."""
        if self._member:
            revision, _ = self._records.get(keys.EPOCH, (0, b""))
            # Another may have been quicker; and where the epoch is gone as well, whoever comes next writes it.
            with contextlib.suppress(CoordinatorError):
                await link.write(keys.EPOCH, secrets.token_hex(8).encode(), revision)

    # --- calls ----------------------------------------------------------------------------------------------

    async def renew(self, card: Card, after: int) -> int:
        self._member = True
        return await self._write(keys.member(card.holder.name), encode(card), after)

    async def bury(self, name: str, after: int) -> None:
        await self._write(keys.member(name), b"", after)

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        key = keys.claim(camera_id)
        revision, there = self._records.get(key, (0, b"%d" % after))
        if int(there.partition(b"\n")[0]) != after:
            raise Conflict(f"camera {camera_id} has been claimed by somebody else")
        await self._write(key, keys.written_claim(after + 1, holder, giver), revision)
        return after + 1

    async def release(self, camera_id: int, fence: int) -> None:
        key = keys.claim(camera_id)
        revision, there = self._records.get(key, (0, keys.NOTHING))
        if int(there.partition(b"\n")[0]) != fence:
            raise Conflict(f"camera {camera_id} has been claimed by somebody else")
        await self._write(key, keys.written_claim(fence, None), revision)

    async def put(self, desired: Desired) -> None:
        link = self._open()
        revision, there = self._records.get(keys.DESIRED, (0, keys.NOTHING))
        if int(there.split()[0]) >= desired.version:
            raise Conflict(f"version {there.split()[0].decode()} is there already")
        head = await shelf.lay(link, desired)
        try:
            await self._write(keys.DESIRED, head, revision)
        except Conflict:
            # Where nothing was answered they may be what is desired by now, and stay.
            await shelf.take_back(link, head)
            raise
        await shelf.keep(link, desired, head)

    async def version(self, number: int) -> Desired:
        return await shelf.version(self._open(), number)

    async def order(self, name: str, order: Order) -> None:
        link = self._open()
        async with link.asking.told():
            await link.bucket.put(keys.order(name), order.value.encode())

    async def tell(self, line: Line) -> None:
        link = self._open()
        self._lines += 1
        async with link.asking.told():
            await link.bucket.put(keys.line(line.member, self._lines % LINES), encode(line))

    # --- inside ---------------------------------------------------------------------------------------------

    def _open(self) -> Link:
        if self._link is None:
            raise CoordinatorError("NATS cannot be reached")
        return self._link

    async def _write(self, key: str, value: bytes, after: int) -> int:
        link = self._open()
        try:
            revision = await link.write(key, value, after)
        except Gone:
            await self._begin_anew(link)
            raise
        except Unanswered:
            # A leader that the others have left behind still answers what is read, for 10 s.
            link.lost.set()
            raise
        if link is self._link:
            self._echo.write(revision, time.monotonic())
            if revision > self._records.get(key, (0, b""))[0]:
                self._records[key] = revision, value
        return revision
