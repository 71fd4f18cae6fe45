"""How a session is, in one word."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from tests.core.session.test_session import KEY, chain, state
from tests.core.world import AUDIO, VIDEO, MemoryTransport, World, sound, until

from camcast.errors import NetworkError
from camcast.events import SessionState
from camcast.session.health import Health, judge
from camcast.session.metrics import SessionMetrics
from camcast.session.wanted import Wish

S, H = SessionState, Health


def metrics(world: World) -> SessionMetrics:
    session = world.engine.sessions.get(KEY)
    assert session is not None
    # Each asks the clock, and what is due may become overdue in between.
    before, found, after = session.healthy, session.metrics, session.healthy
    assert found.healthy in (before, after)
    return found


@pytest.mark.parametrize(
    ("acknowledged", "overdue", "media", "wanted"),
    [
        (True, False, True, H.HEALTHY),
        (True, False, False, H.HEALTHY),  # the next picture is not due yet
        (True, True, True, H.UNHEALTHY),  # media comes, and no picture goes out
        (True, True, False, H.WAITING),  # nothing comes, so nothing can go out
        (False, False, True, H.UNHEALTHY),
        (False, True, True, H.UNHEALTHY),
        (False, True, False, H.WAITING),
    ],
)
def test_on_the_air(acknowledged: bool, overdue: bool, media: bool, wanted: Health) -> None:
    assert judge(S.CONNECTED, Wish.PUBLISH, acknowledged=acknowledged, overdue=overdue, media=media) is wanted


def test_what_arrives_too_damaged_to_be_shown_is_not_healthy() -> None:
    damaged = judge(S.CONNECTED, Wish.PUBLISH, acknowledged=True, overdue=False, media=True, impaired=True)
    assert damaged is H.UNHEALTHY
    # Where nothing is sent nothing is damaged.
    assert judge(S.CONNECTED, Wish.WAIT, acknowledged=True, overdue=True, media=False, impaired=True) is H.WAITING


@pytest.mark.parametrize(
    ("state", "wish"), list(itertools.product([S.DISCONNECTED, S.CONNECTING, S.ERROR, S.FAILED], Wish))
)
def test_off_the_air(state: SessionState, wish: Wish) -> None:
    health = judge(state, wish, acknowledged=False, overdue=False, media=True)
    if wish is Wish.OFF:
        assert health is H.SCHEDULED_OFF
    elif state is S.FAILED:
        assert health is H.UNHEALTHY
    else:
        words = {Wish.WAIT: H.WAITING, Wish.PAUSE: H.PAUSED, Wish.END: H.PAUSED}
        assert health is words.get(wish, H.UNHEALTHY)


async def test_from_waiting_to_healthy_and_back(world: World) -> None:
    await world.start(chain("a", idle_timeout=0.4), flowing=False)
    assert metrics(world).health is H.WAITING
    world.flow()
    await until(lambda: metrics(world).health is H.HEALTHY)
    assert state(world) is S.CONNECTED
    world.still()
    await until(lambda: metrics(world).health is H.WAITING)
    await until(lambda: state(world) is S.DISCONNECTED)
    assert metrics(world).health is H.WAITING
    totals = world.engine.stats().totals
    assert (totals.healthy, totals.waiting) == (0, 1)
    world.flow()
    await until(lambda: metrics(world).health is H.HEALTHY)
    assert world.engine.stats().totals.healthy == 1


async def test_a_peer_that_acknowledges_nothing_more_makes_it_unhealthy_before_it_is_lost(world: World) -> None:
    await world.start(chain("a", stall_timeout=3.0))
    await until(lambda: metrics(world).health is H.HEALTHY)
    world.servers.stalled.add("a")
    await until(lambda: metrics(world).health is H.UNHEALTHY)
    assert state(world) is S.CONNECTED


async def test_a_peer_that_gets_too_little_of_it_makes_it_unhealthy_and_nothing_else(world: World) -> None:
    await world.start(chain("a"))
    await until(lambda: metrics(world).health is H.HEALTHY)
    (transport,) = world.servers.alive
    transport.impaired = True
    assert metrics(world).health is H.UNHEALTHY
    assert state(world) is S.CONNECTED
    transport.impaired = False
    assert metrics(world).health is H.HEALTHY


async def test_a_transport_that_cannot_tell_is_taken_to_be_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.start(chain("a"))
    await until(lambda: metrics(world).health is H.HEALTHY)
    monkeypatch.setattr(MemoryTransport, "impaired", property(lambda self: 1 / 0), raising=False)
    assert metrics(world).health is H.HEALTHY


async def test_sound_alone_is_not_healthy_where_there_is_a_picture() -> None:
    world = World(tracks=(VIDEO, AUDIO))
    try:
        await world.start(chain("a"))
        count = itertools.count()

        async def sounds() -> None:
            while True:
                world.sinks[0, 0].packet(sound(next(count)))
                await asyncio.sleep(0.01)

        noise = asyncio.create_task(sounds())
        await until(lambda: metrics(world).health is H.HEALTHY)
        world.still()
        await until(lambda: metrics(world).health is H.UNHEALTHY, timeout=10.0)
        assert state(world) is S.CONNECTED
        noise.cancel()
    finally:
        await world.close()


async def test_paused_failing_and_given_up(world: World) -> None:
    await world.start(chain("a"))
    await until(lambda: metrics(world).health is H.HEALTHY)
    session = world.engine.sessions.get(KEY)
    assert session is not None
    session.pause()
    await until(lambda: state(world) is S.DISCONNECTED)
    assert metrics(world).health is H.PAUSED
    world.servers.down["connect", "a"] = NetworkError("refused")
    session.resume()
    await until(lambda: state(world) is S.FAILED)
    assert metrics(world).health is H.UNHEALTHY
    # It has given up, whether there is media or not.
    world.still()
    await until(lambda: not session._feed.flowing(0.05))  # type: ignore[attr-defined]
    assert metrics(world).health is H.UNHEALTHY
