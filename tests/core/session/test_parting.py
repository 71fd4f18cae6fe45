"""Attempts on their way out, and who waits for them."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from camcast.session.parting import Parting


@attrs.define(eq=False)
class Old:
    """An attempt that closes when the test says so."""

    name: str | None
    may: asyncio.Event = attrs.field(factory=asyncio.Event)
    clean: bool | None = None

    def leave(self, *, clean: bool) -> asyncio.Future[None]:
        self.clean = clean
        return asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        await self.may.wait()


async def done(task: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return task.done()


@pytest.mark.parametrize("clean", [False, True])
async def test_it_is_closed_without_waiting(clean: bool) -> None:
    parting, old = Parting(), Old("name")
    parting.let_go(old, clean=clean)
    everybody = asyncio.create_task(parting.gone())
    assert not await done(everybody)
    assert old.clean is clean
    old.may.set()
    assert await done(everybody)


async def test_whoever_wants_its_name_waits_and_nobody_else() -> None:
    parting, old = Parting(), Old("name")
    parting.let_go(old)
    same, other = (asyncio.create_task(parting.gone(name)) for name in ("name", "another"))
    assert not await done(same)
    assert await done(other)
    old.may.set()
    assert await done(same)


async def test_one_whose_name_is_not_known_is_waited_for_by_everybody() -> None:
    parting, old = Parting(), Old(None)
    parting.let_go(old)
    anybody = asyncio.create_task(parting.gone("name"))
    assert not await done(anybody)
    old.may.set()
    assert await done(anybody)


async def test_one_that_is_let_go_meanwhile_is_waited_for_too() -> None:
    parting, first, second = Parting(), Old("name"), Old("name")
    parting.let_go(first)
    waiting = asyncio.create_task(parting.gone("name"))
    assert not await done(waiting)
    parting.let_go(second)
    first.may.set()
    assert not await done(waiting)
    second.may.set()
    assert await done(waiting)


async def test_a_name_that_is_held_is_free_once_its_holder_was_let_go_and_has_closed() -> None:
    """Whoever stood beside is told to go, and has not heard yet when its name is wanted again."""
    parting, old = Parting(), Old("name")
    parting.hold(old)
    same, other = (asyncio.create_task(parting.free(name)) for name in ("name", "another"))
    assert await done(other)
    assert not await done(same)
    parting.let_go(old)
    assert not await done(same)
    old.may.set()
    assert await done(same)


async def test_one_that_never_published_holds_its_name_no_more() -> None:
    parting, spare = Parting(), Old("name")
    parting.hold(spare)
    same = asyncio.create_task(parting.free("name"))
    assert not await done(same)
    parting.unhold(spare)
    assert await done(same)


async def test_nobody_waits_for_ever_for_one_that_is_not_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camcast.session.parting.HEARD", 0.01)
    parting = Parting()
    parting.hold(Old("name"))
    async with asyncio.timeout(5):
        await parting.free("name")
