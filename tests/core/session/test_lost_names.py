"""A name that can be looked up again: whoever wanted it tries at once, also after giving up."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.session.test_session import KEY, chain
from tests.core.world import World, until

from camcast.config import RetryPolicy
from camcast.errors import NetworkError
from camcast.events import SessionState
from camcast.session import lost_names
from camcast.session.hosts import Hosts, Waiter
from camcast.session.lost_names import LostNames


class Names:
    """A name server that is away until the test says otherwise."""

    def __init__(self) -> None:
        self.known = False
        self.asked: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int, family: str = "both") -> list[object]:
        self.asked.append((host, port))
        if not self.known:
            raise NetworkError("cannot look it up", stage="resolve")
        return []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    monkeypatch.setattr(lost_names, "LOOK", 0.02)
    return Names()


async def test_it_is_asked_for_until_it_is_there_and_then_no_more(names: Names) -> None:
    hosts, woken = Hosts(50.0), []
    waiter = Waiter(lambda: woken.append(True))
    hosts.failed("gate.test:1936", waiter)
    lost = LostNames(names, hosts)  # type: ignore[arg-type]
    for _ in range(3):
        lost.lost("gate.test:1936")
    await until(lambda: len(names.asked) >= 3)
    assert not woken
    names.known = True
    await until(lambda: woken)
    count = len(names.asked)
    await asyncio.sleep(0.1)
    assert len(names.asked) == count
    assert set(names.asked) == {("gate.test", 1936)}
    lost.lost("gate.test:1936")
    lost.close()


async def test_a_session_that_has_given_up_for_a_name_comes_back_with_it(world: World, names: Names) -> None:
    world.servers.down["connect", "a"] = NetworkError("cannot look up a", stage="resolve")
    policy = RetryPolicy(initial_delay=0.01, max_attempts=1, revive_after=600)
    engine = await world.start(chain("a", retry_policy=policy), flowing=False)
    assert engine._environment is not None
    engine._environment.names._resolver = names  # type: ignore[assignment]
    world.flow()
    session = engine.sessions.get(KEY)
    assert session is not None
    await until(lambda: session.state is SessionState.FAILED)
    world.servers.down.clear()
    names.known = True
    await until(lambda: session.state is SessionState.CONNECTED)
