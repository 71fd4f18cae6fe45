"""A coordinator's plugin that breaks its contract: named, traced once, and never what keeps a member from going on."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Never

import attrs
import pytest
from tests.core.world import until

from camcast.coordinators import Card, CoordinatorContext, CoordinatorKind, Desired, Holder, Line
from camcast.errors import Conflict, CoordinatorError, NotFound
from camcast.fleet.guarded import Bugs, Guarded, guarded
from camcast.hosting.faults import Faults
from camcast.testing.coordinator import MemoryCoordinator, MemoryStore

ME = Holder("a", "1")
CARD = Card(holder=ME, capacity=1, lease=10)
LINE = Line(at=0, member="a", code="x", text="y")
SECRET = "hunter2-of-the-store"


class Sick(MemoryCoordinator):
    """Does what the test says instead."""

    def __init__(self, act: Any) -> None:
        super().__init__(MemoryStore(), "a")
        self.act = act

    async def run(self, hear: Any) -> None:
        await self.act()

    async def renew(self, card: Card, after: int) -> int:
        return await self.act()  # type: ignore[no-any-return]

    async def tell(self, line: Line) -> None:
        await self.act()

    async def put(self, desired: Desired) -> None:
        await self.act()


@attrs.define(eq=False)
class Acts:
    """In ways that a contract forbids."""

    go: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def raises(self) -> Never:
        raise KeyError(SECRET)

    async def times_out(self) -> Never:
        raise TimeoutError("of its library")

    async def cancels_itself(self) -> Never:
        raise asyncio.CancelledError

    async def clings(self) -> None:
        while not self.go.is_set():
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                continue

    async def gives_nothing(self) -> None: ...

    async def is_late(self) -> None:
        await asyncio.Event().wait()


def behind(act: Any, faults: Faults, seconds: float = 5.0) -> Guarded:
    return Guarded(Sick(act), Bugs("sick", faults, lambda text: text.replace(SECRET, "***")), seconds)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("raises", "failed in renew, by a bug of its own: KeyError: '***'"),
        ("times_out", "failed in renew, by a bug of its own: TimeoutError: of its library"),
        ("gives_nothing", "failed in renew, by a bug of its own: TypeError: it gave NoneType, not int"),
        ("cancels_itself", "was cancelled in renew, by its own library"),
    ],
)
async def test_what_a_plugin_raises_or_gives_is_its_bug(act: str, told: str) -> None:
    faults = Faults()
    with pytest.raises(CoordinatorError) as caught:
        await behind(getattr(Acts(), act), faults).renew(CARD, 0)
    assert str(caught.value) == f"coordinator sick {told}"
    assert faults.counts == ({} if act == "cancels_itself" else {"coordinator sick": 1})


async def test_a_bug_is_traced_once_without_secrets_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    store = behind(Acts().raises, faults)
    for _ in range(3):
        with pytest.raises(CoordinatorError):
            await store.tell(LINE)
    assert faults.counts == {"coordinator sick": 3}
    (told,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert "in raises" in told.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.parametrize("act", ["is_late", "clings"])
async def test_a_call_that_forgets_its_deadline_is_given_up(act: str) -> None:
    acts = Acts()
    store = behind(getattr(acts, act), Faults(), 0.1)
    with pytest.raises(CoordinatorError, match=r"did not renew within 0.1 s, nor did it give up"):
        async with asyncio.timeout(20):
            await store.renew(CARD, 0)
    acts.go.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_what_goes_in_many_parts_has_time_for_each() -> None:
    """A fleet of thousands over a narrow link: no part is late."""
    desired = Desired(version=1, mapping={})
    await behind(lambda: asyncio.sleep(0.8), Faults(), 0.5).put(desired)
    with pytest.raises(CoordinatorError, match=r"did not put within 1 s"):
        await behind(Acts().is_late, Faults(), 0.1).put(desired)


async def test_cancelling_a_call_cancels_the_plugins() -> None:
    task = asyncio.create_task(behind(Acts().is_late, Faults()).tell(LINE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_listening_goes_on_for_ever_and_ends_with_a_bug_by_name() -> None:
    with pytest.raises(CoordinatorError, match="coordinator sick failed in run, by a bug of its own: KeyError"):
        await behind(Acts().raises, Faults()).run(print)
    listening = asyncio.create_task(behind(Acts().is_late, Faults(), 0.01).run(print))
    await asyncio.sleep(0.1)
    assert not listening.done()
    listening.cancel()
    await asyncio.wait({listening})


async def test_what_a_store_answers_is_answered() -> None:
    faults = Faults()
    store = Guarded(MemoryCoordinator(MemoryStore(), "a"), Bugs("memory", faults), 5.0)
    revision = await store.renew(CARD, 0)
    fence = await store.claim(7, ME, 0)
    with pytest.raises(Conflict):
        await store.claim(7, ME, 0)
    with pytest.raises(NotFound):
        await store.version(3)
    await store.release(7, fence)
    await store.tell(LINE)
    await store.bury("a", revision)
    assert faults.counts == {}


def test_one_that_cannot_be_built_is_named_without_its_secrets() -> None:
    def build(context: CoordinatorContext) -> Never:
        raise RuntimeError(f"cannot dial {context.url}")

    kind = CoordinatorKind(name="sick", title="", schemes=("sick",), build=build)
    url = f"sick://me:{SECRET}@one,sick://me:{SECRET}@two"
    context = CoordinatorContext(url=url, fleet="f", name="a", options=None)
    with pytest.raises(
        CoordinatorError, match="coordinator sick failed in build, by a bug of its own: Runtime"
    ) as caught:
        guarded(kind, context, Faults())
    assert SECRET not in str(caught.value)
