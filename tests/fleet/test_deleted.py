"""Records that somebody deletes by hand: what members know of them is written back, and no record keeps anybody out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from camcast.coordinators import Card, ClaimNews, Coordinator, Desired, Holder, MemberNews, Synced
from camcast_nats import keys
from tests.fleet.test_deaf import build, running
from tests.servers.nats import NatsServer

ADA, BOB = Holder("ada", "1"), Holder("bob", "1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats"))) as made:
        yield made


def card(holder: Holder) -> Card:
    return Card(holder=holder, capacity=1, lease=10)


def bucket_of(store: Coordinator) -> Any:
    return store._open().bucket  # type: ignore[attr-defined]


@pytest.mark.parametrize("purged", [False, True])
async def test_a_claim_that_is_deleted_is_written_back_and_keeps_nobody_out(server: NatsServer, purged: bool) -> None:
    ada, bob = (build(server, f"claims{purged:d}", one.name) for one in (ADA, BOB))
    async with running(ada), running(bob) as ear:
        for store, holder in ((ada, ADA), (bob, BOB)):
            await store.renew(card(holder), 0)
        fence = await ada.claim(7, ADA, 0)
        told = await ear.until(ClaimNews)
        bucket = bucket_of(ada)
        await (bucket.purge(keys.claim(7)) if purged else bucket.delete(keys.claim(7)))
        # The same again: nobody ever hears that the camera has no holder.
        assert await ear.until(ClaimNews, len(told) + 1) == [ClaimNews(7, fence, ADA)] * (len(told) + 1)
        assert (await bucket.get(keys.claim(7))).value == keys.written_claim(fence, ADA)
        assert await bob.claim(7, BOB, fence) == fence + 1


async def test_what_was_deleted_while_nobody_was_there_is_written_anew(server: NatsServer) -> None:
    """Whoever comes then finds a mark of it only, under which nothing was expected to be."""
    ada = build(server, "before", "ada")
    async with running(ada) as ear:
        await ada.renew(card(ADA), 0)
        fence = await ada.claim(7, ADA, 0)
        await ada.put(Desired(version=1, mapping={"cameras": []}))
        (synced,) = await ear.until(Synced)
    onlooker = build(server, "before", "onlooker")
    async with running(onlooker):
        for key in (keys.claim(7), keys.member("ada"), keys.DESIRED, keys.EPOCH):
            await bucket_of(onlooker).delete(key)
    bob = build(server, "before", "bob")
    async with running(bob) as ear:
        (again,) = await ear.until(Synced)
        assert again.epoch not in ("", synced.epoch)
        assert not [one for one in ear.heard if isinstance(one, ClaimNews | MemberNews)]
        await bob.renew(card(BOB), 0)
        assert await bob.claim(7, BOB, fence) == fence + 1
        await bob.put(Desired(version=1, mapping={"cameras": []}))
        await bob.renew(card(ADA), 0)


async def test_a_members_own_record_that_is_deleted_costs_it_nothing(server: NatsServer) -> None:
    ada = build(server, "member", "ada")
    async with running(ada) as ear:
        await ada.renew(card(ADA), 0)
        told = await ear.until(MemberNews)
        await bucket_of(ada).delete(keys.member("ada"))
        last = (await ear.until(MemberNews, len(told) + 1))[-1]
        assert last.card == card(ADA)
        assert await ada.renew(card(ADA), last.revision) > last.revision


async def test_who_only_looks_writes_nothing_back(server: NatsServer) -> None:
    ada, onlooker = build(server, "looks", "ada"), build(server, "looks", "onlooker")
    async with running(ada):
        await ada.claim(7, ADA, 0)
    async with running(onlooker) as ear:
        await ear.until(ClaimNews)
        bucket = bucket_of(onlooker)
        await bucket.delete(keys.claim(7))
        revision = await onlooker.claim(8, ADA, 0)
        # What is told after it: the mark has been heard, and whatever comes of it is done.
        await ear.until(ClaimNews, 2)
        assert revision == 1
        with pytest.raises(Exception, match="not found"):
            await bucket.get(keys.claim(7))
