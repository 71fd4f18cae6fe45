"""Short queues and light events do what those of the library do."""

from __future__ import annotations

import asyncio
import sys
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camcast.few import Bell, Few


@given(st.lists(st.one_of(st.integers(0, 9), st.none()), max_size=40), st.sampled_from([None, 1, 3]))
def test_a_short_queue_is_a_deque(steps: list[int | None], maxlen: int | None) -> None:
    """A number is appended, None takes the first one out."""
    few, usual = Few[int](maxlen=maxlen), deque[int](maxlen=maxlen)
    for step in steps:
        if step is not None:
            few.append(step)
            usual.append(step)
        elif usual:
            assert few.popleft() == usual.popleft()
        assert list(few) == list(usual)


def test_an_empty_one_takes_a_fifth_of_a_deque() -> None:
    assert 5 * sys.getsizeof(Few[int]()) < sys.getsizeof(deque[int]())
    with pytest.raises(IndexError):
        Few[int]().popleft()


async def test_a_bell_lets_all_go_on_who_wait_and_who_come() -> None:
    bell = Bell()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    assert not bell.is_set()
    bell.set()
    bell.set()
    await asyncio.gather(*waiting)
    await bell.wait()
    assert bell.is_set()


async def test_whoever_waited_when_it_rang_goes_on_though_it_was_cleared() -> None:
    bell = Bell()
    task = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    bell.set()
    bell.clear()
    await asyncio.wait_for(task, 5)
    late = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    assert not late.done()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    bell.set()
    await bell.wait()


async def test_one_who_is_cancelled_keeps_nobody_waiting() -> None:
    bell = Bell()
    first, second = (asyncio.create_task(bell.wait()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    bell.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.wait_for(second, 5)
