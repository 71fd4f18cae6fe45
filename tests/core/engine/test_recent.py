"""Snapshots for those who look beside an engine: in turns of the loop, and one for several who may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs
from tests.core.engine.test_history import figures
from tests.core.session.clock import Clock

from camcast.camera.stats import Stats
from camcast.engine.recent import SLICE, Recent
from camcast.events import SessionKey
from camcast.session.metrics import SessionMetrics, total


@attrs.define(eq=False)
class Fake:
    """A session that counts how often it was looked at."""

    key: SessionKey
    looks: int = 0

    @property
    def metrics(self) -> SessionMetrics:
        self.looks += 1
        return figures(key=self.key)


def whole(sessions: Sequence[SessionMetrics]) -> Stats:
    return Stats(uptime=0.0, sessions=tuple(sessions), streams=(), totals=total(sessions))


class Looked:
    """So many sessions, a clock, and who looks at them."""

    def __init__(self, count: int) -> None:
        self.clock = Clock()
        self.sessions = [Fake(SessionKey(number, 0, "out")) for number in range(count)]
        self.recent = Recent(lambda: self.sessions, whole, self.clock)  # type: ignore[arg-type, return-value]

    @property
    def looks(self) -> int:
        return sum(one.looks for one in self.sessions)


async def test_many_are_looked_at_in_several_turns_and_told_in_order() -> None:
    looked = Looked(2 * SLICE + 1)
    seen = []
    looking = asyncio.create_task(looked.recent.stats())
    while not looking.done():
        await asyncio.sleep(0)
        seen.append(looked.looks)
    assert seen[:3] == [SLICE, 2 * SLICE, 2 * SLICE + 1]
    assert [one.key for one in looking.result().sessions] == [one.key for one in looked.sessions]


async def test_who_is_deleted_meanwhile_is_not_counted_twice() -> None:
    looked = Looked(SLICE + 1)
    looking = asyncio.create_task(looked.recent.stats())
    await asyncio.sleep(0)
    gone = looked.sessions.pop(0)
    found = await looking
    assert gone.looks == 1
    assert [one.key for one in found.sessions] == [one.key for one in looked.sessions]


async def test_whom_an_older_one_does_gets_what_another_one_asked_for() -> None:
    looked = Looked(1)
    first = await looked.recent.stats(60.0)
    looked.clock.time += 2.0
    assert await looked.recent.stats(2.0) is first
    assert looked.looks == 1
    second = await looked.recent.stats(1.9)
    assert second is not first
    assert await looked.recent.stats(1.9) is second
    assert await looked.recent.stats() is not second, "whoever may have no old one looks anew, also in the same moment"


async def test_one_that_began_earlier_and_ends_later_is_not_kept() -> None:
    looked = Looked(SLICE + 1)
    slow = asyncio.create_task(looked.recent.stats())
    await asyncio.sleep(0)
    looked.clock.time += 1.0
    held = looked.sessions.pop()
    quick = await looked.recent.stats()
    looked.sessions.append(held)
    assert await slow is not quick
    assert await looked.recent.stats(0.5) is quick
