"""A deadline that counts only the time in which the loop runs."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

from camcast.few import Bell
from camcast.patience import PatientTimer, ended, quiet, set_or_due, wait_patiently


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_blocked_loop_uses_up_one_slice() -> None:
    task = asyncio.create_task(steps(8))
    asyncio.get_running_loop().call_soon(time.sleep, 0.3)
    assert await wait_patiently({task}, 0.2) == set()
    assert task.done()


async def test_what_is_not_done_in_time_is_returned_and_goes_on() -> None:
    slow, quick = asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(steps(1))
    started = time.monotonic()
    assert await wait_patiently({slow, quick}, 0.05) == {slow}
    assert 0.05 <= time.monotonic() - started < 2
    assert not slow.cancelled()
    slow.cancel()


async def test_nothing_to_wait_for_takes_no_time() -> None:
    done = asyncio.create_task(steps(0))
    await done
    assert await wait_patiently({done}, 60) == await wait_patiently((), 60) == set()


async def test_a_failure_that_nobody_waits_for_any_more_is_not_printed() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

    async def fails() -> None:
        raise ValueError("nobody is left to hear it")

    tasks = {name: asyncio.create_task(fails()) for name in ("loud", "quiet")}
    assert quiet(tasks["quiet"]) is tasks["quiet"]
    await steps(2)
    assert tasks["quiet"].done()
    tasks.clear()
    gc.collect()
    assert [str(context["exception"]) for context in told] == ["nobody is left to hear it"]


async def test_a_timer_counts_only_time_in_which_the_loop_runs() -> None:
    late = asyncio.Event()
    began = time.monotonic()
    PatientTimer(0.2, late.set)
    asyncio.get_running_loop().call_soon(time.sleep, 0.3)
    async with asyncio.timeout(5):
        await late.wait()
    # All but one of its slices were waited for after the loop had stood.
    assert time.monotonic() - began >= 0.3 + 0.2 * 18 / 20


async def test_a_timer_that_is_cancelled_says_nothing() -> None:
    late: list[None] = []
    timer = PatientTimer(0.02, lambda: late.append(None), slices=2)
    await asyncio.sleep(0.015)
    timer.cancel()
    await asyncio.sleep(0.05)
    assert not late


async def test_an_event_is_set_by_whoever_it_is_for_or_when_its_time_has_come() -> None:
    event = Bell()
    async with asyncio.timeout(5):
        await set_or_due(event, time.monotonic() + 0.01)
    assert event.is_set()
    event.clear()
    asyncio.get_running_loop().call_soon(event.set)
    async with asyncio.timeout(5):
        await set_or_due(event, time.monotonic() + 3600)


async def test_a_task_that_passes_over_a_cancellation_is_cancelled_again() -> None:
    passed_over = 0

    async def once_deaf() -> None:
        nonlocal passed_over
        while True:
            try:
                await asyncio.sleep(60.0)
            except asyncio.CancelledError:
                if passed_over:
                    raise
                passed_over += 1

    task = asyncio.create_task(once_deaf())
    await asyncio.sleep(0)
    assert await ended([task], 1.0) == set()
    assert (passed_over, task.cancelled()) == (1, True)


async def test_a_task_that_never_ends_is_told_after_the_deadline() -> None:
    free = asyncio.Event()

    async def deaf() -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    task, done = asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(0))
    await done
    assert await ended([task, done], 0.1) == {task}
    free.set()
    await task
