"""`rotate_every`: a connection is renewed by plan, at a keyframe, on the same target or the next."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.core.session.test_session import FAST, KEY, balance, chain, on_air, state
from tests.core.world import MemoryTransport, World, until

from camcast.errors import NetworkError
from camcast.events import AttemptFailed, Moved, Note, SessionState
from camcast.kinds import Acceptance, TransportKind
from camcast.session import keyframe_end, move, rotation
from camcast.session.rotation import AGAIN, Rotation

NEVER = float("inf")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    monkeypatch.setattr(rotation, "AGAIN", 0.05)


def moved(world: World) -> list[tuple[str, str, str]]:
    return [(event.why, event.old[6:7], event.new[6:7]) for event in world.of(Moved)]


# --- when -----------------------------------------------------------------------------------------------------


def test_it_is_due_so_long_after_the_connection_began() -> None:
    now = 100.0
    rule = Rotation(50.0, lambda: now)
    assert rule.due == NEVER
    rule.begin(90.0)
    assert rule.due == 140.0
    rule.begin(120.0)
    assert rule.due == 170.0
    now = 171.0
    rule.tried()
    assert rule.due == 171.0 + rotation.AGAIN < 171.0 + AGAIN


def test_another_time_counts_from_when_the_connection_began() -> None:
    rule = Rotation(None, lambda: 100.0)
    rule.begin(90.0)
    assert rule.due == NEVER
    for every, due in ((30.0, 120.0), (5.0, 95.0), (None, NEVER)):
        rule.adopt(every)
        assert rule.due == due
    rule.adopt(5.0)
    rule.tried()
    rule.adopt(5.0)
    assert rule.due > 100.0, "the same time is no news"


# --- a session ------------------------------------------------------------------------------------------------


def whole(world: World) -> None:
    """All pictures from the first to the last, each once, and each publication begins with a keyframe."""
    numbers = [publication.numbers() for publication in world.servers.publications]
    assert all(one[0] % world.gop == 0 for one in numbers if one)
    every = [number for one in numbers for number in one]
    assert every == list(range(every[0], every[0] + len(every)))


async def test_on_one_target_it_is_published_anew_and_no_picture_is_missing(world: World) -> None:
    await world.start(chain("a", rotate_every=0.2))
    await until(lambda: len(world.servers.at("a")) >= 4)
    await until(lambda: len(world.of(Moved)) >= 3)
    assert set(moved(world)) == {("rotate", "a", "a")}
    assert world.servers.clashes == 0
    assert not world.of(AttemptFailed)
    assert max(event.gap for event in world.of(Moved)) < 1
    metrics = world.session().metrics
    assert metrics.moves >= 3
    assert metrics.failed_attempts == 0
    await world.engine.stop()
    whole(world)
    balance(world)


async def test_in_a_chain_it_goes_to_the_next_target_without_a_gap_and_fails_back(world: World) -> None:
    await world.start(chain("a", "b", rotate_every=0.2, failback_after=0.1))
    await until(lambda: len(world.of(Moved)) >= 4)
    assert moved(world)[:4] == [("rotate", "a", "b"), ("failback", "b", "a")] * 2
    assert {event.gap for event in world.of(Moved)} == {0.0}
    assert not world.of(AttemptFailed)
    await world.engine.stop()
    whole(world)
    balance(world)


async def test_where_the_next_target_would_not_it_is_renewed_where_it_is(world: World) -> None:
    world.servers.down["connect", "b"] = NetworkError("down")
    await world.start(chain("a", "b", rotate_every=0.2))
    await until(lambda: moved(world))
    assert moved(world)[0] == ("rotate", "a", "a")
    assert {event.code for event in world.of(Note)} == {"rotate_failed"}


@pytest.mark.parametrize("standby", ["cold", "warm"])
async def test_where_connecting_is_publishing_the_new_one_waits_for_the_end_of_the_old(
    world: World, monkeypatch: pytest.MonkeyPatch, standby: str
) -> None:
    others, plain, connect = list[int](), type(world.host).transport, MemoryTransport.connect
    kinds: dict[int, TransportKind] = {}

    def transport(self: Any, name: str, scheme: str) -> TransportKind:
        kind = plain(self, name, scheme)
        return kinds.setdefault(id(kind), attrs.evolve(kind, spares=False))

    async def connected(self: MemoryTransport) -> Acceptance | None:
        others.append(len(world.servers.alive))
        return await connect(self)

    monkeypatch.setattr(type(world.host), "transport", transport)
    monkeypatch.setattr(MemoryTransport, "connect", connected)
    await world.start(chain("a", rotate_every=0.2, standby=standby))
    await until(lambda: len(world.of(Moved)) >= 2)
    assert set(others) == {0}
    assert not world.of(Note)
    await world.engine.stop()
    whole(world)
    balance(world)


async def test_where_the_user_switched_to_it_stays(world: World) -> None:
    await world.start(chain("a", "b", rotate_every=0.3, failback_after=None))
    await on_air(world, "a")
    world.session().switch(1)
    await until(lambda: ("rotate", "b", "b") in moved(world))
    assert ("rotate", "b", "a") not in moved(world)


async def test_a_server_that_does_not_answer_is_left_on_the_air_and_asked_again(world: World) -> None:
    await world.start(chain("a", rotate_every=0.2))
    await on_air(world, "a")
    world.servers.down["connect", "a"] = NetworkError("no more connections")
    await until(lambda: len(world.of(Note)) >= 2)
    note = world.of(Note)[0]
    assert note.code == "rotate_failed"
    assert note.message == "cannot renew the connection to mem://a/*** yet: no more connections"
    assert len(world.servers.publications) == 1
    assert state(world) is SessionState.CONNECTED
    del world.servers.down["connect", "a"]
    await until(lambda: moved(world))
    await world.engine.stop()
    whole(world)


async def test_without_a_keyframe_it_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyframe_end, "DEADLINE", 0.05)
    await world.start(chain("a", rotate_every=0.2))
    await on_air(world, "a")
    world.gop = 10**9
    await until(lambda: world.of(Note))
    assert world.of(Note)[0].message == "cannot renew the connection to mem://a/*** yet: no keyframe came"
    assert world.keyframes_asked
    assert len(world.servers.publications) == 1
    world.gop = 5
    await until(lambda: moved(world))


async def test_a_loss_in_the_middle_of_it_is_an_ordinary_loss(world: World) -> None:
    await world.start(chain("a", rotate_every=0.2))
    await on_air(world, "a")
    world.gop = 10**9
    await until(lambda: world.keyframes_asked)
    world.servers.lose("a", NetworkError("lost"))
    world.gop = 5
    await until(lambda: len(world.servers.at("a")) >= 2)
    await until(lambda: moved(world))
    await world.engine.stop()
    balance(world)


@pytest.mark.parametrize("order", ["resume", "pause, resume", "switch"])
async def test_an_order_in_the_very_moment_in_which_the_old_one_ends_leaves_it_renewed(
    world: World, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    offer, given = keyframe_end.KeyframeEnd.offer, list[str]()

    def ordered(self: keyframe_end.KeyframeEnd, *what: Any) -> None:
        offer(self, *what)
        if self.reached.done() and not given:
            given.append(order)
            for one in order.split(", "):
                getattr(world.session(), one)(*((0,) if one == "switch" else ()))

    monkeypatch.setattr(keyframe_end.KeyframeEnd, "offer", ordered)
    await world.start(chain("a", rotate_every=0.2))
    await until(lambda: moved(world))
    await world.engine.stop()
    assert given
    whole(world)
    balance(world)


async def test_a_pause_in_the_middle_of_it_leaves_no_spare(world: World) -> None:
    await world.start(chain("a", rotate_every=0.2))
    await on_air(world, "a")
    world.gop = 10**9
    await until(lambda: world.keyframes_asked)
    world.session().pause()
    await until(lambda: not world.servers.alive)
    assert state(world) is SessionState.DISCONNECTED


@pytest.mark.parametrize("change", [{"rotate_every": 0.1}, {"rotate_every": None}], ids=str)
async def test_a_reload_changes_it_in_place(world: World, change: dict[str, Any]) -> None:
    engine = await world.start(chain("a", rotate_every=600, retry_policy=FAST))
    await on_air(world, "a")
    session = world.session()
    (line,) = await engine.reload(world.config(chain("a", retry_policy=FAST, **change)))
    assert line == "session cam0_main goes on with another rotate_every"
    assert world.session(KEY) is session
    if change["rotate_every"]:
        await until(lambda: moved(world))
    else:
        assert len(world.servers.publications) == 1
