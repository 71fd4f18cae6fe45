"""Records that are gone from the store without a mark (`nats stream purge`): it begins another life, for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from camcast.coordinators import Away, ClaimNews, Coordinator, Desired, DesiredNews, MemberNews, Synced
from camcast.errors import CoordinatorError
from camcast_nats import keys
from camcast_nats.link import Link
from tests.fleet.test_deaf import build, running
from tests.fleet.test_deleted import ADA, BOB, bucket_of, card
from tests.servers.nats import NatsServer

WANTED = Desired(version=1, mapping={"cameras": []})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats"))) as made:
        yield made


async def purge(store: Coordinator, subject: str) -> None:
    bucket = bucket_of(store)
    await bucket._js.purge_stream(f"KV_{bucket._name}", subject=f"$KV.{bucket._name}.{subject}")


PARTS = {"all": ">", "claim": keys.claim(7), "member": keys.member("ada"), "head": keys.DESIRED, "parts": "d.>"}


@pytest.mark.parametrize("part", PARTS)
async def test_it_is_noticed_by_all_and_what_was_there_can_be_written_again(server: NatsServer, part: str) -> None:
    """Without anybody's having to write what is gone."""
    subject, fleet = PARTS[part], f"purged_{part}"
    ada, bob = build(server, fleet, "ada"), build(server, fleet, "bob")
    async with running(ada) as ear, running(bob) as other:
        await ada.renew(card(ADA), 0)
        await bob.renew(card(BOB), 0)
        fence = await ada.claim(7, ADA, 0)
        await ada.put(WANTED)
        for one in (ear, other):
            await one.until(DesiredNews)
        await _counted(ada, bob)
        heard = len(ear.heard)
        await purge(bob, subject)
        lives = [await one.until(Synced, 2) for one in (ear, other)]
        assert len({one[-1].epoch for one in lives}) == 1
        assert lives[0][0].epoch != lives[0][-1].epoch
        again = ear.heard[heard:]
        # What is still there is told, and what is not can be written, by whoever knows it.
        cards = [one for one in again if isinstance(one, MemberNews) and one.name == "ada"]
        await ada.renew(card(ADA), cards[-1].revision if cards else 0)
        claims = [one for one in again if isinstance(one, ClaimNews)]
        assert bool(claims) == (subject not in (">", keys.claim(7)))
        assert await ada.claim(7, ADA, fence) == fence + 1
        if not any(isinstance(one, DesiredNews) for one in again):
            await ada.put(WANTED)
            assert (await other.until(DesiredNews, 2))[-1].desired == WANTED


async def test_who_writes_what_is_gone_is_told_so_and_has_it_noticed(server: NatsServer) -> None:
    """At once, and not only when records are counted the next time."""
    ada = build(server, "writes", "ada", 5.0)
    async with running(ada) as ear:
        revision = await ada.renew(card(ADA), 0)
        await purge(ada, keys.member("ada"))
        with pytest.raises(CoordinatorError, match="gone from the store"):
            await ada.renew(card(ADA), revision)
        (away,) = await ear.until(Away)
        assert away.reason == "the store has lost what it had"
        first, second = await ear.until(Synced, 2)
        assert first.epoch != second.epoch
        assert await ada.renew(card(ADA), 0) > revision


async def test_old_versions_that_are_dropped_cost_nothing(server: NatsServer) -> None:
    """They are fewer records as well, so all are told once more; whoever heard them hears nothing of that."""
    ada = build(server, "dropped", "ada")
    async with running(ada) as ear:
        await ada.renew(card(ADA), 0)
        await ada.put(WANTED)
        await ear.until(DesiredNews)
        heard = [*ear.heard]
        async with asyncio.timeout(20):
            await _counted(ada)
            await purge(ada, "v.>")
            await ada._fewer.wait()  # type: ignore[attr-defined]
        await ada.claim(7, ADA, 0)
        await ear.until(ClaimNews)
        assert ear.heard[: len(heard)] == heard
        assert not any(isinstance(one, Away | Synced) for one in ear.heard[len(heard) :])


async def _counted(*stores: Coordinator) -> None:
    """Wait until each knows how many records there are by now."""
    count, more = Link.count, asyncio.Event()
    seen: list[Link] = []

    async def told(self: Link) -> int:
        found = await count(self)
        seen.append(self)
        more.set()
        return found

    links = [store._open() for store in stores]  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Link, "count", told)
        async with asyncio.timeout(20):
            # The first may have been asked for earlier.
            while any(seen.count(link) < 2 for link in links):
                more.clear()
                await more.wait()
