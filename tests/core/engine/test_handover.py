"""From threads to the loop: in order, bounded, and never a lost call that nobody counted."""

from __future__ import annotations

import asyncio
import threading

from tests.core.world import until

from camcast.engine.handover import LoopHandover


async def test_calls_from_many_threads_arrive_in_each_threads_order():
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


async def test_full_is_an_answer_not_a_wait():
    handover = LoopHandover(asyncio.get_running_loop(), capacity=3)
    answers = [handover.call(int) for _ in range(5)]
    assert answers == [True, True, True, False, False]
    assert handover.dropped == 2
    assert not await asyncio.to_thread(handover_full_wait, LoopHandover(asyncio.get_running_loop(), capacity=0))


def handover_full_wait(handover: LoopHandover) -> bool:
    return handover.call_wait(int, timeout=0.01)


async def test_a_call_that_raises_does_not_stop_the_next():
    handover = LoopHandover(asyncio.get_running_loop())
    seen: list[int] = []
    handover.call(lambda: 1 / 0)
    handover.call(seen.append, 1)
    await until(lambda: seen == [1])


async def test_closed_takes_nothing():
    handover = LoopHandover(asyncio.get_running_loop())
    handover.close()
    assert not handover.call(int)
    assert not handover.call_wait(int, timeout=0.01)
