"""What is known of an attempt at each stage, and what its liveness is judged by once it is on the air."""

from __future__ import annotations

import time
from math import inf
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from tests.core.session.test_session import KEY, chain, state
from tests.core.world import MemoryTransport, World, until

from camcast.config import Limit
from camcast.errors import NetworkError
from camcast.events import AttemptFailed, SessionState
from camcast.session.guard import Guarded
from camcast.session.hosts import Hosts
from camcast.session.liveness import LOOK, Liveness
from camcast.session.session import Session
from camcast.session.stage import OnAir, limits_of

HANDSHAKE = 3073


async def on_air(world: World, **settings: Any) -> OnAir:
    await world.start(chain("a", **settings))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session = world.engine.sessions.get(KEY)
    assert isinstance(session, Session)
    assert session.active is not None
    return session.active


async def test_a_stage_holds_what_is_known(world: World) -> None:
    active = await on_air(world)
    published = active.published
    prepared = published.connected.prepared
    assert (active.index, active.shown) == (0, "mem://a/***")
    assert published.name == prepared.name == "mem://a/key-of-a"
    assert active.target is prepared.target
    assert prepared.kind.name == "memory"
    assert not published.connected.fresh
    assert active.attempt.outlet is active.outlet
    assert "key-of-a" not in f"{active!r} {published!r} {published.connected!r} {prepared!r}"


async def test_what_the_handshake_took_is_no_media(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport counts from its first byte; of the media, nothing is acknowledged."""
    connect = MemoryTransport.connect

    async def counting(self: MemoryTransport) -> object:
        self.acked = HANDSHAKE
        return await connect(self)

    monkeypatch.setattr(MemoryTransport, "connect", counting)
    world.servers.stalled.add("a")
    active = await on_air(world, stall_timeout=1.0)
    await until(lambda: len(world.servers.live("a")[0].units) > 5)
    await until(lambda: world.of(AttemptFailed))
    assert active.flow_since is None
    failure = world.of(AttemptFailed)[0]
    assert isinstance(failure, AttemptFailed)
    assert failure.error.startswith("stalled: ")


async def test_flow_begins_with_the_first_acknowledged_media(world: World) -> None:
    active = await on_air(world)
    await until(lambda: active.flow_since is not None)
    assert active.flow_since is not None
    assert active.flow_since >= active.published.at
    assert active.acknowledged(active.flow_since)


@pytest.mark.parametrize(
    ("wrong", "acknowledged"), [("", True), ("delivered", False), ("ended", False), ("suspicious", False)]
)
async def test_it_is_acknowledged_while_nothing_is_wrong(
    world: World, monkeypatch: pytest.MonkeyPatch, wrong: str, acknowledged: bool
) -> None:
    active = await on_air(world)
    await until(lambda: active.flow_since is not None)
    outlet: Any = SimpleNamespace(delivered=wrong != "delivered")
    monkeypatch.setattr(active, "outlet", outlet)
    if wrong == "ended":
        active.attempt.lost(NetworkError("gone", stage="streaming"))
    monkeypatch.setattr(Liveness, "suspicious", lambda self, now: wrong == "suspicious")
    assert active.acknowledged(time.monotonic()) is acknowledged


async def test_what_its_transport_and_its_choice_say_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    active = await on_air(world)
    assert (active.impaired, active.unconfirmed) == (False, "")
    monkeypatch.setattr(active.published.connected.transport.transport, "impaired", True, raising=False)
    assert active.impaired
    doubtful = attrs.evolve(active.published, unconfirmed="nobody knows")
    monkeypatch.setattr(active, "published", doubtful)
    assert active.unconfirmed == "nobody knows"


async def test_figures_are_read_a_few_times_a_second_and_of_what_is_over_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = await on_air(world)
    await until(lambda: active.flow_since is not None)
    looks = []
    read = Guarded.read
    monkeypatch.setattr(Guarded, "read", lambda self: looks.append(1) or read(self))  # type: ignore[func-returns-value]
    now = time.monotonic() + 1
    for step in range(100):
        active.check(now + step / 100)  # a second of them
    assert 1 <= len(looks) <= 2 / LOOK
    assert now < active.due(now) <= now + 1 + LOOK + 1
    looks.clear()
    active.attempt.lost(NetworkError("gone", stage="streaming"))
    active.check(now + 100)
    assert (looks, active.due(now)) == ([], inf)


async def test_one_host_is_asked_for_no_more_connections_at_once_than_it_may_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    slot = Hosts.slot

    async def counted(self: Hosts, host: str) -> None:
        asked.append(host)
        await slot(self, host)

    monkeypatch.setattr(Hosts, "slot", counted)
    await on_air(world)
    assert asked == ["a"]


@pytest.mark.parametrize(("replay", "seconds"), [("squeeze", 4.0), ("off", 0.0)])
def test_what_is_replayed_is_bounded_where_it_is_wanted(replay: str, seconds: float) -> None:
    config = chain("a", replay=replay, replay_max=Limit(seconds=4.0, bytes=1000))
    limits = limits_of(config)
    assert (limits.replay_seconds, limits.replay_bytes) == (seconds, 1000)
    assert (limits.seconds, limits.bytes) == (config.queue.seconds, config.queue.bytes)
