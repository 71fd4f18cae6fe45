"""What is asked of NATS ends: by its deadline, by what the server forbids, and when whoever asks is to end."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import nats.errors
import pytest

from camcast.cli.fleet_store import ANSWER, coordinator, looking
from camcast.coordinators import Holder
from camcast.errors import CoordinatorError
from camcast.host import PluginHost
from camcast_nats.asking import Asking, Forbidden
from camcast_nats.link import link
from camcast_nats.options import NatsOptions
from tests.servers.nats import NatsServer
from tests.servers.process import free_port

LOOKER = """
accounts { A { jetstream: enabled, users: [
  { user: member, password: m3mber }
  { user: look, password: l00k, permissions: {
    publish: ["$JS.API.STREAM.INFO.KV_camcast_site", "$JS.API.STREAM.MSG.GET.KV_camcast_site",
              "$JS.API.CONSUMER.*.KV_camcast_site", "$JS.API.CONSUMER.*.KV_camcast_site.>"]
    subscribe: ["_INBOX.>"] } }
] } }
"""
TRIES = 200
VIOLATION = nats.errors.Error('nats: permissions violation for publish to "$kv.x"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    with NatsServer(Path(tmp_path_factory.mktemp("nats")), more=LOOKER) as running:
        yield running


@pytest.fixture(autouse=True)
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMBER", "m3mber")
    monkeypatch.setenv("LOOK", "l00k")


def options(user: str) -> tuple[str, ...]:
    return f"user={user}", f"password=env:{user.upper()}"


async def refusal(server: NatsServer, fleet: str) -> tuple[str, float]:
    """What who may only look is told of a fleet, and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(CoordinatorError) as error:
        async with looking(coordinator(PluginHost(), server.url, fleet, "eve", options("look"), 5.0)):
            raise AssertionError("it was let in")
    return str(error.value), time.monotonic() - began


async def test_who_may_look_is_told_what_is_wrong_at_once(server: NatsServer) -> None:
    said, took = await refusal(server, "site")
    assert said.startswith('the fleet "site" has no store yet, and this user may not make one')
    assert took < ANSWER / 2
    said, took = await refusal(server, "other")
    assert said.startswith('this user has nothing to do with the fleet "other"')
    assert "stream.info.kv_camcast_other" in said.lower()
    assert took < ANSWER / 2

    async with looking(coordinator(PluginHost(), server.url, "site", "ada", options("member"), 5.0)):
        pass
    async with looking(coordinator(PluginHost(), server.url, "site", "eve", options("look"), 0.5)) as seen:
        with pytest.raises(CoordinatorError, match="NATS does not let this user do that: permissions violation"):
            await seen.store.claim(4, Holder("eve", "1"), 0)


async def test_a_member_ends_whenever_it_is_asked_to(server: NatsServer) -> None:
    """nats-py passes over some cancellations: of these tries one in thirty went on for ever."""
    host, chance = PluginHost(), random.Random(20)

    async def one() -> bool:
        running = asyncio.create_task(
            coordinator(host, server.url, "ends", "ada", options("member"), 1.0).run(lambda news: None)
        )
        await asyncio.sleep(chance.choice((chance.uniform(0.0, 0.05), chance.uniform(0.0, 2.0))))
        running.cancel()
        return bool((await asyncio.wait({running}, timeout=20.0))[0])

    assert await asyncio.gather(*(one() for _ in range(TRIES))) == [True] * TRIES


async def test_what_a_library_passes_over_is_raised_all_the_same() -> None:
    asked = asyncio.Event()

    async def call() -> None:
        async with Asking(60.0).told():
            asked.set()
            try:
                await asyncio.sleep(60.0)
            except asyncio.CancelledError:
                asked.clear()
        raise AssertionError("it goes on")

    calling = asyncio.create_task(call())
    await asked.wait()
    calling.cancel()
    await asyncio.wait({calling}, timeout=5.0)
    assert calling.cancelled()
    assert not asked.is_set()


async def _asked(asking: Asking, *forbidden: Exception, alone: bool = False) -> None:
    """Ask something that nobody answers, while the server says this."""
    async with asking.told(alone=alone):
        for error in forbidden:
            await asking.hear(error)
        await asyncio.sleep(60.0)


async def test_what_is_forbidden_explains_a_call_and_ends_one_that_is_alone() -> None:
    asking = Asking(0.05)
    with pytest.raises(Forbidden, match=r'publish to "\$kv.x"'):
        await _asked(asking, VIOLATION)
    with pytest.raises(CoordinatorError, match="does not answer in time") as error:
        await _asked(asking)
    assert not isinstance(error.value, Forbidden)
    with pytest.raises(Forbidden):
        await _asked(Asking(60.0), VIOLATION, alone=True)


async def test_a_server_that_is_not_there_is_tried_once() -> None:
    """And the next is: the library alone would try it until the deadline."""
    with pytest.raises(CoordinatorError, match="Connect call failed"):
        async with link(f"nats://127.0.0.1:{free_port()}", "ada", "gone", NatsOptions(), 5.0):
            raise AssertionError("somebody let it in")
