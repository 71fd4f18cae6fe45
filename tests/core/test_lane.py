"""Lanes: the loop never waits, deadlines hold, a stuck job is interrupted or left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from tests.plugins.transport_harness import DirectHandover, reached

from camcast.engine.handover import LoopHandover
from camcast.lane import Lane, LaneClosed


class Blocker:
    """A library call that blocks until `release`, which an interrupt may do."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()

    def __call__(self) -> str:
        self.entered.set()
        self.gate.wait(30)
        return "went on"


def make(
    *, interrupt: Callable[[], None] = lambda: None, limit: int = 1000, deadline: float = 5.0
) -> tuple[Lane, list[BaseException]]:
    failures: list[BaseException] = []
    handover = LoopHandover(asyncio.get_running_loop())
    return Lane("lane", handover, interrupt=interrupt, failed=failures.append, limit=limit, deadline=deadline), failures


async def test_jobs_run_in_order_on_one_thread_that_ends() -> None:
    lane, failures = make()
    seen: list[tuple[int, str]] = []
    for number in range(100):
        assert lane.post(10, lambda number=number: seen.append((number, threading.current_thread().name)))  # type: ignore[misc]
    assert await lane.call(1, lambda: len(seen)) == 100
    assert seen == [(number, "lane") for number in range(100)]
    assert (lane.backlog, lane.done) == (0, 1000)
    assert await lane.stop(lambda: seen.append((-1, "last")))
    assert seen[-1] == (-1, "last")
    assert "lane" not in [thread.name for thread in threading.enumerate()]
    assert not failures


async def test_the_backlog_is_bounded() -> None:
    blocker = Blocker()
    lane, _ = make(interrupt=blocker.gate.set)
    assert lane.post(400, blocker)
    assert lane.post(600, lambda: None)
    assert not lane.post(1, lambda: None)
    assert lane.backlog == 1000
    blocker.gate.set()
    await reached(lambda: lane.backlog == 0)
    assert lane.done == 1000
    assert lane.post(1000, lambda: None)
    await lane.stop()


async def test_the_number_of_jobs_is_bounded() -> None:
    blocker = Blocker()
    lane, _ = make(interrupt=blocker.gate.set)
    accepted = sum(lane.post(0, blocker) for _ in range(9000))
    assert accepted == 8192
    blocker.gate.set()
    await lane.stop()


async def test_a_call_raises_what_it_raises() -> None:
    lane, failures = make()
    with pytest.raises(ZeroDivisionError):
        await lane.call(1, lambda: 1 / 0)
    assert await lane.call(1, lambda: "fine") == "fine"
    await lane.stop()
    with pytest.raises(LaneClosed):
        await lane.call(1, lambda: None)
    assert not lane.post(1, lambda: None)
    assert not failures


async def test_a_late_call_is_interrupted() -> None:
    blocker = Blocker()
    lane, _ = make(interrupt=blocker.gate.set)
    with pytest.raises(TimeoutError):
        await lane.call(0.05, blocker)
    assert await lane.call(1, lambda: "next") == "next"
    assert await lane.stop()


async def test_a_failed_job_ends_all_that_follow() -> None:
    lane, failures = make()
    ran: list[int] = []
    lane.post(10, ran.append, 1)
    lane.post(10, lambda: 1 / 0)
    lane.post(10, ran.append, 2)
    await reached(lambda: failures)
    assert [type(error) for error in failures] == [ZeroDivisionError]
    await reached(lambda: lane.backlog == 0)
    assert ran == [1]
    assert lane.done == 10
    assert not lane.post(1, ran.append, 3)
    await lane.stop()
    assert len(failures) == 1


async def test_a_stuck_job_is_told_and_interrupted() -> None:
    blocker = Blocker()
    lane, failures = make(interrupt=blocker.gate.set, deadline=0.1)
    lane.post(1, lambda: None)
    lane.post(1, blocker)
    await reached(lambda: failures)
    assert isinstance(failures[0], TimeoutError)
    assert blocker.gate.is_set()
    assert await lane.stop()
    assert len(failures) == 1


async def test_many_quick_jobs_are_no_stuck_one() -> None:
    lane, failures = make(deadline=0.1)
    for _ in range(30):
        assert lane.post(1, time.sleep, 0.01)
    await reached(lambda: lane.backlog == 0)
    assert not failures
    await lane.stop()


async def test_stopping_interrupts() -> None:
    blocker = Blocker()
    last: list[str] = []
    lane, failures = make(interrupt=blocker.gate.set)
    lane.post(1, blocker)
    lane.post(1, last.append, "queued")
    await reached(blocker.entered.is_set)
    assert await lane.stop(lambda: last.append("last"), patience=0.1)
    assert last == ["last"], "what waits is forgotten, the goodbye is said"
    assert not failures


async def test_what_cannot_be_interrupted_is_left_behind() -> None:
    blocker = Blocker()
    lane, _ = make()
    lane.post(1, blocker)
    await reached(blocker.entered.is_set)
    began = time.monotonic()
    assert not await lane.stop(patience=0.1, after=0.1)
    assert time.monotonic() - began < 1
    assert not await lane.stop(patience=0, after=0)
    blocker.gate.set()
    assert await lane.stop()


async def test_a_lane_that_was_never_used() -> None:
    lane, _ = make()
    assert await lane.stop()
    assert await lane.stop()


async def test_a_cancelled_call_harms_nobody() -> None:
    blocker = Blocker()
    lane, failures = make(interrupt=blocker.gate.set)
    task = asyncio.create_task(lane.call(10, blocker))
    await reached(blocker.entered.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await lane.stop(patience=0.05)
    assert not failures


async def test_a_call_that_waits_is_told_of_the_end() -> None:
    blocker = Blocker()
    lane, _ = make(interrupt=blocker.gate.set)
    lane.post(1, blocker)
    waiting = asyncio.create_task(lane.call(30, lambda: "never"))
    await reached(blocker.entered.is_set)
    assert await lane.stop(patience=0)
    with pytest.raises(LaneClosed):
        await asyncio.wait_for(waiting, 2)


async def test_a_full_handover_only_delays() -> None:
    handover = DirectHandover()
    handover.full = True
    lane = Lane("lane", handover, interrupt=lambda: None, failed=lambda error: None)
    task = asyncio.create_task(lane.call(5, lambda: "told"))
    await asyncio.sleep(0.05)
    assert not task.done()
    handover.full = False
    assert await task == "told"
    assert await lane.stop()


async def test_the_loop_goes_on_while_a_lane_is_stuck() -> None:
    blockers = [Blocker() for _ in range(4)]
    lanes = [make(interrupt=blocker.gate.set)[0] for blocker in blockers]
    calls = [asyncio.create_task(lane.call(10, blocker)) for lane, blocker in zip(lanes, blockers, strict=True)]
    other, _ = make()
    for number in range(50):
        assert await other.call(1, lambda number=number: number) == number  # type: ignore[misc]
    for blocker in blockers:
        blocker.gate.set()
    assert await asyncio.gather(*calls) == ["went on"] * 4
    for lane in [*lanes, other]:
        assert await lane.stop()
