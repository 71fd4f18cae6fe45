"""A store that answers and tells nothing, or tells of what it does not hand out: nothing is missed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.js.kv import KeyValue

from camcast.coordinators import (
    Away,
    Card,
    Coordinator,
    CoordinatorContext,
    Desired,
    DesiredNews,
    Holder,
    MemberNews,
    News,
    Order,
    Synced,
)
from camcast.errors import CoordinatorError
from camcast_nats.coordinator import NatsCoordinator
from camcast_nats.echo import Echo
from camcast_nats.options import NatsOptions
from tests.servers.nats import NatsServer

DEADLINE = 0.5
HOLDER = Holder("ada", "1")
CARD = Card(holder=HOLDER, capacity=1, lease=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats"))) as running:
        yield running


class Ear:
    """What a coordinator tells."""

    def __init__(self) -> None:
        self.heard: list[News] = []
        self._more = asyncio.Event()

    def hear(self, news: News) -> None:
        self.heard.append(news)
        self._more.set()

    async def until(self, kind: type[News], count: int = 1) -> list[Any]:
        """All of a kind, once there are so many."""
        async with asyncio.timeout(20):
            while len(found := [one for one in self.heard if isinstance(one, kind)]) < count:
                self._more.clear()
                await self._more.wait()
        return found


def build(server: NatsServer, fleet: str, name: str, deadline: float = DEADLINE) -> Coordinator:
    return NatsCoordinator(
        CoordinatorContext(url=server.url, fleet=fleet, name=name, options=NatsOptions(), deadline=deadline)
    )


@contextlib.asynccontextmanager
async def running(store: Coordinator) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(store.run(ear.hear))
    try:
        await ear.until(Synced)
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Deaf:
    """Of a real watcher, what was there at the beginning and nothing after it."""

    def __init__(self, watcher: Any) -> None:
        self._watcher = watcher
        self._is_deaf = False

    async def stop(self) -> None:
        await self._watcher.stop()

    async def updates(self, timeout: float) -> Any:
        if self._is_deaf:
            await asyncio.sleep(timeout)
            raise nats.errors.TimeoutError
        entry = await self._watcher.updates(timeout)
        self._is_deaf = entry is None
        return entry


async def test_a_watch_that_tells_nothing_is_made_anew_and_nobody_misses_anything(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often something is written meanwhile: what no watch tells is read."""
    watch, watches = KeyValue.watch, 0

    async def deaf_once(self: KeyValue, *what: Any, **more: Any) -> Any:
        nonlocal watches
        watches += 1
        watcher = await watch(self, *what, **more)
        return Deaf(watcher) if watches == 1 else watcher

    monkeypatch.setattr(KeyValue, "watch", deaf_once)
    store = build(server, "deaf", "ada")
    async with running(store) as ear:
        written = [await store.renew(CARD, 0)]
        await ear.until(MemberNews)
        async with asyncio.timeout(20):
            while watches == 1:
                written.append(await store.renew(CARD, written[-1]))
                await ear.until(MemberNews, len(written))
        written.append(await store.renew(CARD, written[-1]))
        told = await ear.until(MemberNews, len(written))
        # Each once, though another watch has told the last of them again.
        assert [one.revision for one in told] == written
        assert len([one for one in ear.heard if isinstance(one, Synced)]) == 1
        assert not any(isinstance(one, Away) for one in ear.heard)


async def test_who_has_no_watch_reads_on(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As while the cluster elects a leader of its own, without which nobody is given one."""
    store = build(server, "unwatched", "ada")

    async def refuse(self: KeyValue, *what: Any, **more: Any) -> Any:
        raise nats.errors.TimeoutError

    other = build(server, "unwatched", "bob")
    async with running(store) as ear, running(other):
        monkeypatch.setattr(KeyValue, "watch", refuse)
        await _lose_connection(store)
        written: list[int] = []
        for count in (1, 2, 3):
            written.append(await other.renew(CARD, written[-1] if written else 0))
            assert [one.revision for one in await ear.until(MemberNews, count)] == written
        assert not any(isinstance(one, Away) for one in ear.heard)


async def _lose_connection(store: Coordinator) -> None:
    await store._open().js._nc.close()  # type: ignore[attr-defined]


async def test_a_connection_that_is_lost_for_a_moment_costs_nothing(server: NatsServer) -> None:
    store, other = build(server, "moment", "ada"), build(server, "moment", "bob")
    async with running(store) as ear, running(other):
        first = await other.renew(CARD, 0)
        await ear.until(MemberNews)
        await _lose_connection(store)
        second = await other.renew(CARD, first)
        assert [one.revision for one in await ear.until(MemberNews, 2)] == [first, second]
        assert len([one for one in ear.heard if isinstance(one, Synced | Away)]) == 1


async def test_a_server_that_does_not_answer_a_write_is_left_though_it_is_read(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a leader that is cut off from the other servers, and has not noticed yet."""
    store = build(server, "behind", "ada")
    async with running(store) as ear:
        first = store._open()  # type: ignore[attr-defined]

        async def unanswered(*what: Any, **more: Any) -> Any:
            raise nats.errors.TimeoutError

        monkeypatch.setattr(first.bucket, "update", unanswered)
        with pytest.raises(CoordinatorError, match="does not answer in time"):
            await store.renew(CARD, 0)
        other = build(server, "behind", "bob")
        async with running(other):
            revision = await other.renew(CARD, 0)
        assert [one.revision for one in await ear.until(MemberNews)] == [revision]
        async with asyncio.timeout(20):
            await first.lost.wait()
            while not first.js._nc.is_closed:
                await store.order("ada", Order.NONE)
        assert await store.renew(CARD, revision) > revision
        assert not any(isinstance(one, Away) for one in ear.heard)


async def test_one_that_is_lost_for_long_has_all_told_anew(tmp_path: Path) -> None:
    with NatsServer(tmp_path) as server:
        store = build(server, "long", "ada")
        async with running(store) as ear:
            revision = await store.renew(CARD, 0)
            server.kill()
            await ear.until(Away)
            server.start()
            await ear.until(Synced, 2)
            assert [one.revision for one in await ear.until(MemberNews, 2)] == [revision] * 2


async def test_a_store_that_has_gone_back_has_all_told_anew(tmp_path: Path) -> None:
    """An older copy of its disk was put back, quickly: what was heard since is not there."""
    with NatsServer(tmp_path / "nats") as server:
        store, other = build(server, "back", "ada", 2.0), build(server, "back", "bob")
        async with running(store) as ear:
            async with running(other):
                first = await other.renew(CARD, 0)
            server.stop()
            shutil.copytree(tmp_path / "nats" / "data", tmp_path / "copy")
            server.start()
            async with running(other):
                await other.renew(CARD, first)
                await ear.until(MemberNews, 2)
            server.stop()
            server.wipe()
            shutil.move(tmp_path / "copy", tmp_path / "nats" / "data")
            server.start()
            (away,) = await ear.until(Away)
            assert away.reason == "the store has gone back to what it was earlier"
            await ear.until(Synced, 2)
            assert (await ear.until(MemberNews, 3))[-1].revision == first


async def test_what_is_desired_and_cannot_be_read_at_once_is_heard_anew(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    get, fails, store = KeyValue.get, 0, build(server, "parts", "ada")

    async def fail_once(self: KeyValue, key: str, *what: Any, **more: Any) -> Any:
        nonlocal fails
        if key.startswith("d.") and not fails and self is store._open().bucket:  # type: ignore[attr-defined]
            fails += 1
            raise TimeoutError
        return await get(self, key, *what, **more)

    async with running(store) as ear:
        monkeypatch.setattr(KeyValue, "get", fail_once)
        operator = build(server, "parts", "operator")
        async with running(operator):
            desired = Desired(version=1, mapping={"cameras": []})
            await operator.put(desired)
            (news, *_) = await ear.until(DesiredNews)
            assert (fails, news.desired) == (1, desired)


async def test_a_record_that_nobody_can_read_keeps_nobody_out(server: NatsServer) -> None:
    """It is passed over: to hear all of it anew would not help."""
    store = build(server, "junk", "ada")
    async with running(store) as ear:
        link = store._open()  # type: ignore[attr-defined]
        for key, value in (("r.desired", b"what"), ("r.member.x", b"{"), ("r.desired", b"7 gone 1")):
            await link.bucket.put(key, value)
        await store.renew(CARD, 0)
        (news,) = await ear.until(MemberNews)
        assert news.card == CARD
        assert not any(isinstance(one, Away) for one in ear.heard)


def test_the_oldest_that_is_not_heard_counts() -> None:
    echo = Echo()
    assert not echo.is_late(100.0, 1.0)
    echo.write(5, 10.0)
    echo.write(6, 10.9)
    assert not echo.is_late(11.0, 1.0)
    assert echo.is_late(11.1, 1.0)
    echo.hear(5, 11.1)
    assert not echo.is_late(12.0, 1.0)
    assert echo.is_late(12.2, 1.0)
    echo.hear(6, 12.2)
    assert not echo.is_late(99.0, 1.0)


def test_what_was_heard_before_its_answer_is_not_waited_for() -> None:
    echo = Echo()
    echo.hear(7, 10.0)
    echo.write(7, 10.1)
    assert not echo.is_late(99.0, 1.0)
    echo.write(8, 99.0)
    assert not echo.is_late(99.5, 1.0)
    assert echo.is_late(100.1, 1.0)
