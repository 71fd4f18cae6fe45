"""A fleet's store in memory, for tests: with ways to cut a member off, lose an answer, and wipe everything."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from camcast.coordinators import (
    Away,
    Card,
    ClaimNews,
    Coordinator,
    CoordinatorContext,
    CoordinatorKind,
    Desired,
    DesiredNews,
    Holder,
    Line,
    LineNews,
    MemberNews,
    News,
    Order,
    OrderNews,
    Synced,
)
from camcast.errors import Conflict, CoordinatorError, NotFound
from camcast.hooks import hookimpl

VERSIONS = 10
LINES = 100


class MemoryStore:
    """What is shared. Each record is told to every coordinator that is not cut off."""

    def __init__(self) -> None:
        self.life = 0
        self.wipe()
        self.away: set[str] = set()
        """Names of members that cannot reach it."""
        self._ears: dict[MemoryCoordinator, Callable[[News], object]] = {}

    def wipe(self) -> None:
        """Lose everything, as a store does whose disk is gone."""
        self.life += 1
        self.revision = 0
        self.members: dict[str, MemberNews] = {}
        self.claims: dict[int, ClaimNews] = {}
        self.orders: dict[str, OrderNews] = {}
        self.versions: list[Desired] = []
        self.lines: list[LineNews] = []
        if self.life > 1:
            for one in list(self._ears):
                self.again(one.name, "the store begins anew")

    def cut(self, name: str) -> None:
        """From now on `name` does not reach it."""
        self.away.add(name)
        for one, hear in list(self._ears.items()):
            if one.name == name:
                hear(Away("cut off"))

    def heal(self, name: str) -> None:
        """`name` reaches it again."""
        self.away.discard(name)
        self.again(name, "back")

    def again(self, name: str, reason: str) -> None:
        """Have a member hear everything anew."""
        for one, hear in list(self._ears.items()):
            if one.name == name and name not in self.away:
                hear(Away(reason))
                self.recite(hear)

    def cut_midway(self, name: str, after: int) -> None:
        """`name` hears everything anew, and is cut off after so many records, before it has heard all."""
        for one, hear in list(self._ears.items()):
            if one.name == name and name not in self.away:
                hear(Away("again"))
                told: list[News] = []
                self.recite(told.append)
                for news in told[: min(after, len(told) - 1)]:
                    hear(news)
        self.cut(name)

    def recite(self, hear: Callable[[News], object]) -> None:
        """All that there is."""
        for records in (self.members.values(), self.orders.values(), self.claims.values(), self.lines):
            for news in records:
                hear(news)
        if self.versions:
            hear(DesiredNews(self.versions[-1]))
        hear(Synced(str(self.life)))

    def listen(self, who: MemoryCoordinator, hear: Callable[[News], object] | None) -> None:
        """Have `who` told from now on; None = no more."""
        self._ears.pop(who, None)
        if hear is not None:
            self._ears[who] = hear

    def told(self, news: News) -> None:
        """To all that can be reached."""
        for one, hear in list(self._ears.items()):
            if one.name not in self.away:
                hear(news)


class MemoryCoordinator:
    """Implements `Coordinator`."""

    def __init__(self, store: MemoryStore, name: str) -> None:
        self.name = name
        self._store = store

    async def run(self, hear: Callable[[News], object]) -> None:
        if self.name in self._store.away:
            hear(Away("cut off"))
        else:
            self._store.recite(hear)
        self._store.listen(self, hear)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._store.listen(self, None)

    async def renew(self, card: Card, after: int) -> int:
        self._reach()
        return self._member(card.holder.name, after, card)

    async def bury(self, name: str, after: int) -> None:
        self._reach()
        self._member(name, after, None)

    async def claim(self, camera_id: int, holder: Holder, after: int, giver: Holder | None = None) -> int:
        self._reach()
        there = self._store.claims.get(camera_id)
        if there is not None and there.fence != after:
            raise Conflict(f"camera {camera_id} has the fencing number {there.fence}, not {after}")
        self._claimed(ClaimNews(camera_id, after + 1, holder, giver))
        return after + 1

    async def release(self, camera_id: int, fence: int) -> None:
        self._reach()
        there = self._store.claims.get(camera_id)
        if there is None or there.fence != fence:
            raise Conflict(f"camera {camera_id} is not held under the fencing number {fence}")
        self._claimed(ClaimNews(camera_id, fence, None))

    async def put(self, desired: Desired) -> None:
        self._reach()
        versions = self._store.versions
        if versions and desired.version <= versions[-1].version:
            raise Conflict(f"version {versions[-1].version} is there already")
        versions.append(desired)
        del versions[:-VERSIONS]
        self._store.told(DesiredNews(desired))

    async def version(self, number: int) -> Desired:
        self._reach()
        found = next((one for one in self._store.versions if one.version == number), None)
        if found is None:
            known = ", ".join(str(one.version) for one in self._store.versions)
            raise NotFound(f"there is no version {number}; kept: {known or 'none'}")
        return found

    async def order(self, name: str, order: Order) -> None:
        self._reach()
        news = self._store.orders[name] = OrderNews(name, order)
        self._store.told(news)

    async def tell(self, line: Line) -> None:
        self._reach()
        lines = self._store.lines
        lines.append(LineNews(line))
        if len(mine := [one for one in lines if one.line.member == line.member]) > LINES:
            lines.remove(mine[0])
        self._store.told(LineNews(line))

    def _reach(self) -> None:
        if self.name in self._store.away:
            raise CoordinatorError("the store does not answer")

    def _member(self, name: str, after: int, card: Card | None) -> int:
        there = self._store.members.get(name)
        if (there.revision if there else 0) != after:
            raise Conflict(f"the record of {name} is not of revision {after}")
        self._store.revision += 1
        news = self._store.members[name] = MemberNews(name, self._store.revision, card)
        self._store.told(news)
        return news.revision

    def _claimed(self, news: ClaimNews) -> None:
        self._store.claims[news.camera_id] = news
        self._store.told(news)


class MemoryPlugin:
    """Brings a coordinator for `memory://`, with a store for each fleet: `host.register(MemoryPlugin())`."""

    def __init__(self) -> None:
        self.stores: defaultdict[str, MemoryStore] = defaultdict(MemoryStore)

    @hookimpl
    def camcast_coordinators(self) -> Sequence[CoordinatorKind]:
        return [CoordinatorKind(name="memory", title="In memory, for tests", schemes=("memory",), build=self._build)]

    def _build(self, context: CoordinatorContext) -> Coordinator:
        return MemoryCoordinator(self.stores[context.fleet], context.name)
