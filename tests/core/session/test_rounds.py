"""When sessions are looked after: each when that is due, together where that will do, and not at all off the air."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from math import inf
from time import monotonic

import pytest
from tests.core.session.test_session import KEY, chain, state
from tests.core.world import World, until

from camcast.events import SessionState
from camcast.session import rounds
from camcast.session.liveness import LOOK
from camcast.session.rounds import GRID, Rounds, shared
from camcast.session.session import Session
from camcast.stream.sender import Sender


class One:
    """Wants to be looked at every `every` seconds, by shared moments."""

    def __init__(self, every: float = LOOK, *, exact: bool = False) -> None:
        self.label = "cam0_main"
        self.every = every
        self.exact = exact
        self.looks: list[float] = []
        self.due = 0.0

    def tick(self, now: float) -> float:
        assert now >= self.due, "not before it is due"
        self.looks.append(now)
        self.due = now + self.every if self.exact else shared(now + self.every)
        return self.due


class Broken(One):
    def tick(self, now: float) -> float:
        super().tick(now)
        raise ZeroDivisionError


async def test_many_are_looked_after_in_few_wakings() -> None:
    many, ours = [One() for _ in range(50)], Rounds()
    begun = monotonic()
    for one in many:
        ours.enter(one)
        await asyncio.sleep(0.001)
    await until(lambda: all(len(one.looks) >= 5 for one in many))
    ours.close()
    wakings = {now for one in many for now in one.looks}
    assert len(wakings) <= (monotonic() - begun) / GRID + 1
    await asyncio.sleep(2 * LOOK)
    assert {now for one in many for now in one.looks} == wakings, "closed"


async def test_what_must_be_exact_is() -> None:
    one, ours = One(GRID / 5, exact=True), Rounds()
    ours.enter(one)
    await until(lambda: len(one.looks) >= 20)
    ours.leave(one)
    assert one.looks[-1] - one.looks[0] < 19 * GRID, "one look a shared moment would have taken longer"


async def test_one_that_asks_for_nothing_is_left_alone_until_it_says_so() -> None:
    one, other, ours = One(inf, exact=True), One(GRID, exact=True), Rounds()
    ours.enter(one)
    ours.enter(other)
    await until(lambda: len(other.looks) > 5)
    assert len(one.looks) == 1
    one.due = 0.0
    ours.soon(one)
    await until(lambda: len(one.looks) == 2)
    ours.leave(other)
    ours.soon(other)
    seen = len(other.looks)
    await asyncio.sleep(3 * GRID)
    assert len(other.looks) == seen, "it has left"
    ours.close()


async def test_a_bug_in_one_is_told_and_stops_nobody(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "AFTER_A_BUG", GRID)
    broken, sound, ours = Broken(0.0), One(), Rounds()
    ours.enter(broken)
    ours.enter(sound)
    with caplog.at_level(logging.ERROR):
        await until(lambda: len(sound.looks) > 3 and len(broken.looks) > 1)
    ours.close()
    assert "Session cam0_main: internal error" in caplog.text


async def test_a_session_is_looked_after_while_it_is_on_the_air(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks a second, each of which asks the transport once; none while it is paused."""
    done: Counter[str] = Counter()
    tick, look = Session.tick, Sender.look

    def counted(self: Session, now: float) -> float:
        done["ticks"] += 1
        return tick(self, now)

    def asked(self: Sender) -> float:
        done["asked"] += 1
        return look(self)

    await world.start(chain("a"))
    await until(lambda: state(world) is SessionState.CONNECTED)
    assert world.engine is not None
    session = world.engine.sessions.get(KEY)
    assert isinstance(session, Session)
    await until(lambda: session.active is not None and session.active.flow_since is not None)
    monkeypatch.setattr(Session, "tick", counted)
    monkeypatch.setattr(Sender, "look", asked)
    begun, offered = monotonic(), world.number
    await until(lambda: done["ticks"] >= 8)
    took, pictures = monotonic() - begun, world.number - offered
    assert done["ticks"] <= took / LOOK + 2
    # The world's stream goes faster than its timestamps say, and the outlet asks by those.
    assert done["asked"] <= done["ticks"] + pictures * 0.04 / 0.25 + 1
    session.pause()
    await until(lambda: session.active is None)
    await asyncio.sleep(LOOK + 2 * GRID)
    done.clear()
    await asyncio.sleep(1.0)
    assert not done
