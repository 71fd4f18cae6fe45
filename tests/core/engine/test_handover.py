"""From threads to the loop: in order, bounded, and never a lost call that nobody counted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import pytest
from tests.core.world import until

from camcast.engine.handover import INTERVAL, LoopHandover
from camcast.errors import WrongState


async def test_calls_from_many_threads_arrive_in_each_threads_order() -> None:
    handover = LoopHandover(asyncio.get_running_loop())
    seen: list[tuple[int, int]] = []

    def push(name: int) -> None:
        for number in range(500):
            assert handover.call_wait(seen.append, (name, number), timeout=5)

    threads = [threading.Thread(target=push, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    await until(lambda: len(seen) == 4000)
    for name in range(8):
        assert [number for who, number in seen if who == name] == list(range(500))
    assert handover.dropped == 0


async def test_full_is_an_answer_not_a_wait() -> None:
    handover = LoopHandover(asyncio.get_running_loop(), capacity=3)
    answers = [handover.call(int) for _ in range(5)]
    assert answers == [True, True, True, False, False]
    assert handover.dropped == 2
    assert not await asyncio.to_thread(handover_full_wait, LoopHandover(asyncio.get_running_loop(), capacity=0))


def handover_full_wait(handover: LoopHandover) -> bool:
    return handover.call_wait(int, timeout=0.01)


async def test_waiting_for_the_loop_on_the_loop_is_refused_at_once() -> None:
    handover = LoopHandover(asyncio.get_running_loop(), capacity=1)
    assert handover.call_wait(int, timeout=60)
    with pytest.raises(WrongState, match="on the loop itself"):
        handover.call_wait(int, timeout=60)


async def test_a_call_that_raises_does_not_stop_the_next() -> None:
    handover = LoopHandover(asyncio.get_running_loop())
    seen: list[int] = []
    handover.call(lambda: 1 / 0)
    handover.call(seen.append, 1)
    await until(lambda: seen == [1])


async def test_closed_takes_nothing() -> None:
    handover = LoopHandover(asyncio.get_running_loop())
    handover.close()
    assert not handover.call(int)
    assert not handover.call_wait(int, timeout=0.01)


class WakeIsASwitch:
    """A loop whose waking lets another thread run to its end, as a system call may."""

    def __init__(self) -> None:
        self.wakes = 0
        self.meanwhile: Callable[[], object] = int

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        self.wakes += 1
        thread = threading.Thread(target=self.meanwhile, daemon=True)
        thread.start()
        thread.join(5)
        assert not thread.is_alive(), "a thread waited until the loop was woken"


def test_waking_the_loop_holds_up_nobody_and_is_done_once() -> None:
    loop = WakeIsASwitch()
    handover = LoopHandover(cast(asyncio.AbstractEventLoop, loop))
    answers: list[bool] = []
    loop.meanwhile = lambda: answers.append(handover.call(int))
    assert handover.call(int)
    assert answers == [True]
    assert loop.wakes == 1


def test_a_closed_loop_is_a_counted_no() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    handover = LoopHandover(loop)
    assert not handover.call(int)
    assert not handover.call_wait(int, timeout=1)
    assert handover.dropped == 2


async def test_calls_come_through_after_a_pause_of_any_length() -> None:
    handover = LoopHandover(asyncio.get_running_loop())
    seen: list[int] = []
    for number in range(60):
        # Around INTERVAL, where the loop goes from looking again to being idle.
        await asyncio.sleep(number % 20 * INTERVAL / 8)
        await asyncio.to_thread(handover.call, seen.append, number)
    await until(lambda: seen == list(range(60)))
