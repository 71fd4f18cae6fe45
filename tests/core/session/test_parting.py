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

    async def close(self, *, clean: bool) -> None:
        self.clean = clean
        await self.may.wait()


async def done(task: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return task.done()


@pytest.mark.parametrize("clean", [False, True])
async def test_it_is_closed_without_waiting(clean: bool) -> None:
    parting, old = Parting("test"), Old("name")
    parting.let_go(old, clean=clean)
    everybody = asyncio.create_task(parting.gone())
    assert not await done(everybody)
    assert old.clean is clean
    old.may.set()
    assert await done(everybody)


async def test_whoever_wants_its_name_waits_and_nobody_else() -> None:
    parting, old = Parting("test"), Old("name")
    parting.let_go(old)
    same, other = (asyncio.create_task(parting.gone(name)) for name in ("name", "another"))
    assert not await done(same)
    assert await done(other)
    old.may.set()
    assert await done(same)


async def test_one_whose_name_is_not_known_is_waited_for_by_everybody() -> None:
    parting, old = Parting("test"), Old(None)
    parting.let_go(old)
    anybody = asyncio.create_task(parting.gone("name"))
    assert not await done(anybody)
    old.may.set()
    assert await done(anybody)


async def test_one_that_is_let_go_meanwhile_is_waited_for_too() -> None:
    parting, first, second = Parting("test"), Old("name"), Old("name")
    parting.let_go(first)
    waiting = asyncio.create_task(parting.gone("name"))
    assert not await done(waiting)
    parting.let_go(second)
    first.may.set()
    assert not await done(waiting)
    second.may.set()
    assert await done(waiting)
