"""A service's queue of events: in order, bounded, and cheap for both threads where hundreds come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from camcast.engine import service_events
from camcast.engine.service_events import ServiceEvents
from camcast.events import Event


def event(number: int) -> Event:
    return Event(label=str(number))


@pytest.fixture
async def woken(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was asked of the loop from other threads."""
    loop, asked = asyncio.get_running_loop(), list[object]()
    call = loop.call_soon_threadsafe

    def counted(callback: Callable[..., object], *args: object) -> object:
        asked.append(callback)
        return call(callback, *args)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    return asked


class Reading:
    """Reads on."""

    def __init__(self, queue: ServiceEvents) -> None:
        self.labels: list[str] = []
        self._queue = queue
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for one in self._queue:
            self.labels.append(one.label)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.labels) < count:  # noqa: ASYNC110  nothing tells of one
                await asyncio.sleep(0.01)


async def test_an_event_after_a_silence_wakes_its_reader_and_a_storm_is_read_in_one_go(woken: list[object]) -> None:
    queue = ServiceEvents(1000)
    reading = Reading(queue)
    await asyncio.sleep(0.2)  # the silence
    queue.take(event(0))
    assert len(woken) == 1
    await reading.until(1)
    for number in range(1, 300):
        queue.take(event(number))
    await reading.until(300)
    assert reading.labels == [str(number) for number in range(300)]
    # Twice where it had begun to wait again.
    assert len(woken) <= 2
    queue.close()
    await reading.task


async def test_a_reader_that_gathers_is_woken_before_anything_is_lost(woken: list[object]) -> None:
    queue = ServiceEvents(20)
    reading = Reading(queue)
    for number in range(200):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        queue.take(event(number))
    await reading.until(200)
    assert queue.lost == 0
    queue.close()
    await reading.task


async def test_what_is_there_at_the_end_is_still_read() -> None:
    queue = ServiceEvents(20)
    reading = Reading(queue)
    await asyncio.sleep(0)
    for number in range(3):
        queue.take(event(number))
    queue.close()
    queue.take(event(3))
    async with asyncio.timeout(10):
        await reading.task
    assert reading.labels == ["0", "1", "2"]


async def test_who_does_not_read_loses_the_oldest_counted() -> None:
    queue = ServiceEvents(3)
    for number in range(5):
        queue.take(event(number))
    assert queue.lost == 2
    assert queue.unread_for() > 0
    assert [(await anext(queue)).label for _ in range(3)] == ["2", "3", "4"]
    assert queue.unread_for() == 0


async def test_how_long_nobody_reads_counts_from_the_first_event_that_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(service_events, "time", SimpleNamespace(monotonic=lambda: now))
    queue = ServiceEvents(2)
    for number in range(5):
        now += 10
        queue.take(event(number))
    assert queue.unread_for() == 20, "the third was the first that was too many, at 130"
    queue.close()
    assert queue.unread_for() == 0


async def test_a_queue_that_is_closed_takes_no_more_and_says_so_once() -> None:
    told: list[ServiceEvents] = []
    queue = ServiceEvents(2, closed=told.append)
    queue.close()
    queue.take(event(0))
    assert told == [queue]
    assert [one async for one in queue] == []


def test_a_queue_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        ServiceEvents(0)
