"""Steps that hold the loop up are told with how long they took; those that wait are not; nothing else is changed."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import weakref

import pytest

from camcast.hosting import timed as module
from camcast.hosting.faults import TOLD, Faults
from camcast.hosting.timed import timed, timed_steps


@pytest.fixture
def took(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(module, "HOLD", 0.05)
    return []


def hold(seconds: float, raises: Exception | None = None) -> None:
    time.sleep(seconds)
    if raises is not None:
        raise raises


async def test_a_step_is_told_and_a_wait_is_not(took: list[float]) -> None:
    async def work() -> str:
        await asyncio.sleep(0.12)
        hold(0.06)
        await asyncio.sleep(0)
        hold(0.08)
        return "done"

    assert await timed_steps(work(), took.append) == "done"
    assert [seconds >= least for seconds, least in zip(took, (0.06, 0.08), strict=True)] == [True, True]


async def test_what_it_raises_comes_through_and_what_is_raised_into_it(took: list[float]) -> None:
    async def raises() -> None:
        await asyncio.sleep(0)
        raise KeyError("picture")

    with pytest.raises(KeyError, match="picture"):
        await timed_steps(raises(), took.append)

    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            await asyncio.sleep(0)
            ended.append("and tidied up")
            raise

    async def through() -> None:
        await timed_steps(waits(), took.append)

    task = asyncio.create_task(through())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled", "and tidied up"]


async def test_it_is_freed_as_soon_as_it_is_over(took: list[float]) -> None:
    class Held:
        pass

    async def waits(held: Held) -> None:
        await asyncio.Event().wait()

    async def through(held: Held) -> None:
        await timed_steps(waits(held), took.append)

    held = Held()
    seen = weakref.ref(held)
    task = asyncio.create_task(through(held))
    del held
    await asyncio.sleep(0)
    gc.disable()
    try:
        task.cancel()
        await asyncio.wait({task})
        del task
        assert seen() is None
    finally:
        gc.enable()


def test_a_block_is_told_also_where_it_raises(took: list[float]) -> None:
    with pytest.raises(ValueError, match="no"), timed(took.append):
        hold(0.06, raises=ValueError("no"))
    with timed(took.append):
        pass
    (seconds,) = took
    assert seconds >= 0.06


def test_it_is_said_the_first_time_the_tenth_and_the_hundredth(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    with caplog.at_level(logging.INFO):
        for _ in range(120):
            faults.held("transport slow", "send", 0.25)
        faults.held("transport slow", "connect", 0.5)
    assert faults.holds == {("transport slow", "send"): 120, ("transport slow", "connect"): 1}
    first, tenth, hundredth, other = [record.getMessage() for record in caplog.records]
    assert first.startswith("Transport slow held up every camera for 0.25 s in send, for the first time: ")
    assert ("10th" in tenth, "100th" in hundredth, "in connect" in other) == (True, True, True)
    assert list(TOLD) == [1, 10, 100, 1000, 10_000]
