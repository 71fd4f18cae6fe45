"""The seam of `camcast.coordinators` over a JetStream key-value bucket.

Every write says which revision it replaces, and JetStream puts all of them in one order. Nothing in the bucket expires:
members count leases themselves. A connection that is lost is not mended but made anew, to the next of the servers,
and everything is heard again; so no write that was meant for an earlier moment is sent later.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable

import nats.errors

from camcast.coordinators import Away, Card, CoordinatorContext, Desired, DesiredNews, Holder, Line, News, Order, Synced
from camcast.errors import Conflict, CoordinatorError, NotFound
from camcast.fleet_records import encode
from camcast.patience import ended, quiet
from camcast_nats import keys
from camcast_nats.echo import Echo
from camcast_nats.link import CLOSE, Link, link, servers
from camcast_nats.options import NatsOptions

AGAIN = (0.1, 0.3, 1.0)
"""Seconds before the next server is tried."""
LINES = 100
KEPT = 10


class _Unanswered(CoordinatorError):
    """What is desired is there, and could not be read this time."""


class NatsCoordinator:
    """Implements `Coordinator`."""

    def __init__(self, context: CoordinatorContext) -> None:
        self._servers = servers(context.url)
        self._context = context
        self._options: NatsOptions = context.options
        self._link: Link | None = None
        self._revisions: dict[str, tuple[int, bytes]] = {}
        """Of what was heard, by key."""
        self._echo = Echo()
        self._lines = 0
        self._member = False
        """Whether a member writes here: who only looks puts nothing back."""
        self._met = False
        """Whether the store has ever let us in."""

    async def run(self, hear: Callable[[News], object]) -> None:
        turn = 0
        while True:
            began = time.monotonic()
            url = self._servers[turn % len(self._servers)]
            reason = "the connection to NATS was lost"
            try:
                way = link(url, self._context.name, self._context.fleet, self._options, self._context.deadline)
                async with way as self._link:
                    await self._listen(self._link, hear)
            except CoordinatorError as error:
                if error.fatal and not self._met:
                    raise  # later it is the store's fault, and may pass
                reason = str(error)
            finally:
                self._link = None
            hear(Away(reason))
            if time.monotonic() - began > 10 * self._context.deadline:
                turn = 0
            turn += 1
            await asyncio.sleep(AGAIN[min(turn, len(AGAIN)) - 1])

    async def _listen(self, link: Link, hear: Callable[[News], object]) -> None:
        """Until the connection is lost, or nothing can be said for sure to come any more."""
        self._revisions.clear()
        self._echo = Echo()
        self._met = True
        epoch = await self._epoch(link)
        tasks = [
            quiet(asyncio.create_task(doing))
            for doing in (self._watch(link, epoch, hear), self._doubt(link, epoch), link.lost.wait())
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

    async def _watch(self, link: Link, epoch: str, hear: Callable[[News], object]) -> None:
        async with link.asking.told():
            watcher = await link.bucket.watch(keys.WATCHED)
        try:
            async for entry in watcher:
                if entry is None:
                    hear(Synced(epoch))
                    continue
                self._echo.hear(entry.revision or 0, time.monotonic())
                if entry.operation is not None:
                    await self._put_back(link, entry.key, entry.revision or 0)
                    continue
                value = entry.value or b""
                self._revisions[entry.key] = entry.revision or 0, value
                try:
                    news = await self._news(link, entry.key, value, entry.revision or 0)
                except _Unanswered:
                    raise  # it is not told a second time, so all is heard anew
                except CoordinatorError as error:
                    self._context.log.warning("Fleet: %s", error)
                    continue
                if news is not None:
                    hear(news)
        finally:
            # On a connection that is lost already there is nobody to be told.
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                async with asyncio.timeout(CLOSE):
                    await watcher.stop()  # type: ignore[no-untyped-call]

    async def _put_back(self, link: Link, key: str, revision: int) -> None:
        """A record that somebody deleted by hand is written again, and nobody is told. `revision`: of the mark of that.

        For all who heard of it, it stays what it was. Whoever comes later and finds the mark writes anew.
        """
        _, there = self._revisions.get(key, (0, None))
        if there is None:
            return
        self._revisions[key] = revision, there
        if self._member and not key.startswith(keys.LINES):
            with contextlib.suppress(Conflict):  # another was quicker
                await self._write(key, there, revision)

    async def _news(self, link: Link, key: str, value: bytes, revision: int) -> News | None:
        if key == keys.DESIRED:
            return DesiredNews(await self._read(link, value))
        return keys.news_of(key, value, revision)

    async def _doubt(self, link: Link, epoch: str) -> None:
        """What was written here must be heard here, and the store must be the one that it was."""
        deadline = self._context.deadline
        while True:
            await asyncio.sleep(deadline / 2)
            if self._echo.is_late(time.monotonic(), 2 * deadline):
                raise CoordinatorError("NATS does not tell what was written")
            now = await link.read(keys.EPOCH)
            if now is None or now.decode() != epoch:
                raise CoordinatorError("the store has lost what it had")

    # --- calls ----------------------------------------------------------------------------------------------

    async def renew(self, card: Card, after: int) -> int:
        self._member = True
        return await self._write(keys.member(card.holder.name), encode(card), after)

    async def bury(self, name: str, after: int) -> None:
        await self._write(keys.member(name), b"", after)

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        key = keys.claim(camera_id)
        revision, there = self._revisions.get(key, (0, b"%d" % after))
        if int(there.partition(b"\n")[0]) != after:
            raise Conflict(f"camera {camera_id} has been claimed by somebody else")
        await self._write(key, keys.written_claim(after + 1, holder, giver), revision)
        return after + 1

    async def release(self, camera_id: int, fence: int) -> None:
        key = keys.claim(camera_id)
        revision, there = self._revisions.get(key, (0, b"0"))
        if int(there.partition(b"\n")[0]) != fence:
            raise Conflict(f"camera {camera_id} has been claimed by somebody else")
        await self._write(key, keys.written_claim(fence, None), revision)

    async def put(self, desired: Desired) -> None:
        link = self._open()
        revision, there = self._revisions.get(keys.DESIRED, (0, b"0"))
        if int(there.split()[0]) >= desired.version:
            raise Conflict(f"version {there.split()[0].decode()} is there already")
        parts, name = await asyncio.to_thread(keys.parts_of, desired), secrets.token_hex(6)
        for index, part in enumerate(parts):
            await link.write(f"d.{name}.{index}", part, 0)
        head = f"{desired.version} {name} {len(parts)}".encode()
        try:
            await self._write(keys.DESIRED, head, revision)
        except Conflict:
            # Nobody will ever ask for them. Where nothing was answered they may be what is desired by now, and stay.
            with contextlib.suppress(CoordinatorError):
                await link.drop(f"d.{name}.>")
            raise
        async with link.asking.told():
            await link.bucket.put(f"v.{desired.version}", head)
        await self._forget(link, desired.version - KEPT)

    async def version(self, number: int) -> Desired:
        link = self._open()
        head = await link.read(f"v.{number}")
        if not head:
            raise NotFound(f"there is no version {number}; the last {KEPT} are kept")
        return await self._read(link, head)

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
        revision = await link.write(key, value, after)
        if link is self._link:
            self._echo.write(revision, time.monotonic())
            if revision > self._revisions.get(key, (0, b""))[0]:
                self._revisions[key] = revision, value
        return revision

    async def _read(self, link: Link, head: bytes) -> Desired:
        try:
            _, name, count = head.decode().split()
            indexes = range(int(count))
        except ValueError:
            raise CoordinatorError("the record of what is desired cannot be read") from None
        try:
            parts = await asyncio.gather(*(link.read(f"d.{name}.{index}") for index in indexes))
        except CoordinatorError as error:
            raise _Unanswered(str(error)) from None
        if not all(parts):
            raise CoordinatorError("the store has lost a part of what is desired")
        return await asyncio.to_thread(keys.desired_of, [part for part in parts if part])

    async def _forget(self, link: Link, version: int) -> None:
        """What was desired long ago."""
        if (head := await link.read(f"v.{version}")) is not None:
            await link.drop(f"d.{head.decode().split()[1]}.>")
            await link.drop(f"v.{version}")
