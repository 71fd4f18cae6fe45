"""What is known of an attempt at each stage, and what its liveness is judged by once it is on the air."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.session.test_session import KEY, chain, state
from tests.core.world import MemoryTransport, World, until

from camcast.events import AttemptFailed, SessionState
from camcast.session.session import Session
from camcast.session.stage import OnAir

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
