"""Planned moves: the hold, what the user chose, and losses in the middle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from tests.core.session.test_session import KEY, balance, chain, state
from tests.core.world import MemoryTransport, World, until

from camcast.errors import NetworkError
from camcast.events import AttemptFailed, Moved, Note, SessionState
from camcast.media import Track, Unit
from camcast.session import move
from camcast.session.session import Session
from camcast.session.stage import OnAir, Published


@pytest.fixture
def agreed(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[float, float]]:
    """By host: when its newest attempt was agreed to, and when it got its first unit."""
    times: dict[str, tuple[float, float]] = {}
    publish, send = MemoryTransport.publish, MemoryTransport.send

    async def publishes(self: MemoryTransport, tracks: Sequence[Track]) -> None:
        await publish(self, tracks)
        times[self.host] = time.monotonic(), 0.0

    def sends(self: MemoryTransport, unit: Unit, at: int) -> None:
        if not times[self.host][1]:
            times[self.host] = times[self.host][0], time.monotonic()
        send(self, unit, at)

    monkeypatch.setattr(MemoryTransport, "publish", publishes)
    monkeypatch.setattr(MemoryTransport, "send", sends)
    return times


def session(world: World) -> Session:
    one = world.engine.sessions.get(KEY)
    assert isinstance(one, Session)
    return one


async def frames(world: World, count: int) -> None:
    """So many more pictures come."""
    seen = world.number
    await until(lambda: world.number >= seen + count, timeout=10.0)


def test_three_seconds_show_whether_a_server_means_it() -> None:
    assert move.HOLD == 3.0


@pytest.mark.parametrize("why", ["failback", "switch"])
async def test_a_candidate_is_not_fed_before_it_has_stood(
    world: World, monkeypatch: pytest.MonkeyPatch, agreed: dict[str, tuple[float, float]], why: str
) -> None:
    monkeypatch.setattr(move, "HOLD", 0.3)
    if why == "failback":
        world.servers.faults["connect", "a"] = [NetworkError("refused")]
    await world.start(chain("a", "b", failback_after=0.05 if why == "failback" else None))
    old, new = ("b", "a") if why == "failback" else ("a", "b")
    await until(lambda: world.servers.live(old) and state(world) is SessionState.CONNECTED)
    if why == "switch":
        session(world).switch(1)
    await until(lambda: world.servers.live(new) and not world.servers.live(old))
    published, fed = agreed[new]
    assert fed - published >= 0.3
    assert [event.why for event in world.of(Moved) if isinstance(event, Moved)] == [why]


async def test_a_server_that_does_not_mean_it_interrupts_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It agrees, and closes while the candidate stands."""
    monkeypatch.setattr(move, "HOLD", 5.0)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: world.servers.live("b"))
    world.servers.lose("b", NetworkError("closed"))
    await until(lambda: [n for n in world.of(Note) if getattr(n, "code", "") == "switch_failed"])
    await frames(world, 10)
    assert not world.servers.at("b")[0].units
    assert not world.of(Moved)
    numbers = world.servers.at("a")[0].numbers()
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_what_the_user_switched_to_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a", "b", failback_after=0.05))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: world.servers.live("b") and not world.servers.live("a"))
    connects = world.servers.connects["a"]
    await frames(world, 100)  # eight times `failback_after`
    assert world.servers.connects["a"] == connects
    assert len(world.of(Moved)) == 1
    # A pause is no other wish.
    session(world).pause()
    await until(lambda: state(world) is SessionState.DISCONNECTED)
    session(world).resume()
    await until(lambda: len(world.servers.live("b")) == 1)
    await frames(world, 50)
    assert world.servers.connects["a"] == connects
    # Until the user says otherwise …
    session(world).switch(0)
    await until(lambda: world.servers.live("a") and not world.servers.live("b"))


async def test_what_the_user_switched_to_is_left_when_it_is_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a", "b", failback_after=0.3))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: world.servers.live("b") and session(world).policy.stable)
    world.servers.lose("b", NetworkError("reset"))
    await until(lambda: world.servers.live("a") and session(world).policy.stable)
    assert session(world).policy.chosen is None
    # From now on the better target is the better one again.
    world.servers.lose("a", NetworkError("reset"))
    await until(lambda: world.servers.live("b"))
    await until(lambda: world.servers.live("a") and not world.servers.live("b"))
    whys = [event.why for event in world.of(Moved) if isinstance(event, Moved)]
    assert whys == ["switch", "failback", "failover", "failback"]


async def test_a_switch_while_off_the_air_stays_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    world.servers.hang.add(("connect", "a"))
    await world.start(chain("a", "b", failback_after=0.05))
    await until(lambda: world.servers.connects["a"] == 1)
    session(world).switch(1)
    await until(lambda: world.servers.live("b"))
    await frames(world, 50)
    assert world.servers.connects["a"] == 1
    assert not world.of(AttemptFailed)


async def test_a_switch_to_where_it_is_ends_the_failback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidate stands already; the user wants to stay on the fallback."""
    monkeypatch.setattr(move, "HOLD", 0.5)
    world.servers.faults["connect", "a"] = [NetworkError("refused")]
    await world.start(chain("a", "b", failback_after=0.01))
    await until(lambda: world.servers.live("b") and world.servers.live("a"))
    session(world).switch(1)
    await until(lambda: not world.servers.live("a"))
    connects = world.servers.connects["a"]
    await frames(world, 50)
    assert world.servers.live("b")
    assert world.servers.connects["a"] == connects
    assert not world.of(Moved)


async def test_switching_back_before_the_move_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.3)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: world.servers.live("b"))
    session(world).switch(0)
    await until(lambda: not world.servers.live("b"))
    await frames(world, 20)
    assert len(world.servers.live("a")) == 1
    assert not world.of(Moved)


async def test_switching_back_in_the_moment_of_the_move(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too late to stay, so it moves and comes back."""
    monkeypatch.setattr(move, "HOLD", 0.02)
    take_over = move.Mover._take_over
    switched: list[int] = []

    def back(self: move.Mover, active: object) -> None:
        take_over(self, active)  # type: ignore[arg-type]
        if not switched:
            switched.append(0)
            session(world).switch(0)

    monkeypatch.setattr(move.Mover, "_take_over", back)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: len(world.of(Moved)) == 2)
    await until(lambda: world.servers.live("a") and not world.servers.live("b"))
    await world.engine.stop()
    balance(world)


async def test_a_loss_while_the_old_one_says_goodbye_is_noticed_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old server takes its time to close; meanwhile the new one is lost."""
    monkeypatch.setattr(move, "HOLD", 0.02)
    close = MemoryTransport.close
    goodbye = asyncio.Event()

    async def slow(self: MemoryTransport) -> None:
        if self.host == "a":
            await goodbye.wait()
        await close(self)

    monkeypatch.setattr(MemoryTransport, "close", slow)
    await world.start(chain("a", "b", "c", failback_after=None))
    await until(lambda: state(world) is SessionState.CONNECTED)
    session(world).switch(1)
    await until(lambda: world.of(Moved))
    world.servers.lose("b", NetworkError("reset"))
    await until(lambda: world.servers.live("c"), timeout=1.5)
    assert not goodbye.is_set()
    assert world.servers.live("a")
    goodbye.set()
    await world.engine.stop()
    balance(world)


async def test_a_server_that_sends_a_session_to_where_it_is_interrupts_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    active = session(world).active
    assert active is not None
    active.attempt.redirect(active.target.url)
    await until(lambda: "move_refused" in [note.code for note in world.of(Note) if isinstance(note, Note)])
    await frames(world, 10)
    assert len(world.servers.at("a")) == 1
    assert not world.of(Moved)


async def test_a_candidate_has_a_keyframe_asked_for_and_what_is_left_is_fed_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "HOLD", 0.1)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    old = session(world).active
    assert old is not None
    asked = world.keyframes_asked
    session(world).switch(1)
    await until(lambda: world.servers.live("b") and not world.servers.live("a"))
    assert world.keyframes_asked > asked
    await frames(world, 10)
    first, second = world.servers.at("a")[0].numbers(), world.servers.at("b")[0].numbers()
    assert first[-1] < second[0], "no picture goes to both"
    assert session(world).active is not old


async def test_where_no_keyframe_comes_it_stays_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "HOLD", 0.02)
    monkeypatch.setattr(move, "KEYFRAME_DEADLINE", 0.05)
    await world.start(chain("a", "b"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    starts = Published.start

    def never(self: Published, **how: Any) -> OnAir:
        """Its outlet is attached to nothing that brings a keyframe."""
        on_air = starts(self, **how)
        self.hub.detach(on_air.outlet)
        return on_air

    monkeypatch.setattr(Published, "start", never)
    session(world).switch(1)
    await until(lambda: [note for note in world.of(Note) if getattr(note, "code", "") == "switch_failed"])
    (note,) = [note for note in world.of(Note) if getattr(note, "code", "") == "switch_failed"]
    assert isinstance(note, Note)
    assert "no keyframe came to move at" in note.message
    assert not world.of(Moved)
    await until(lambda: not world.servers.live("b"))
    assert world.servers.live("a")
